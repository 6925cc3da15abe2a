using Matrix.Core.Room;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams;

namespace Matrix.Host.Sync.V3;

/// <summary>What sync reads rooms with.</summary>
internal sealed record RoomServices
{
    public required IStorage Storage { get; init; }

    public required RoomSnapshots Rooms { get; init; }

    public required EventStore Events { get; init; }

    public required StateStore States { get; init; }

    public required Notifier Notifier { get; init; }

    public required TypingBoard Typing { get; init; }

    public required UnreadCounter Unread { get; init; }

    public required DeviceListChanges DeviceLists { get; init; }

    public required ClientEvents ClientEvents { get; init; }

    public required IgnoredUsers Ignored { get; init; }

    public required InvitePermission Invites { get; init; }

    public required ReplacedState Replaced { get; init; }

    public required Aggregations Aggregations { get; init; }

    public required MembershipHistory History { get; init; }

    public required Visibility Visibility { get; init; }

    public required SyncOptions Options { get; init; }

    public required ReadingOptions Reading { get; init; }

    /// <summary>
    /// Adds what is bundled with the events of a timeline. Only a limited one has it: of the others the client sees every event that relates to
    /// another itself. Client-Server API, "Aggregations of child events".
    /// </summary>
    public async ValueTask BundleAsync(
        SyncPass pass, RoomSnapshot snapshot, ViewScope scope, Timeline timeline, Dictionary<EventNid, EventExtras> extras, CancellationToken stop)
    {
        if (!timeline.Limited || !snapshot.HasRelations) return;
        var parents = timeline.IsWhole ? RelatedTo(timeline.Events) : timeline.Events;
        if (parents.Count == 0) return;
        var bundled = await Aggregations.OfAsync(
            snapshot.Room,
            parents,
            pass.Reader,
            scope,
            (output, child, own) => ClientEvents.Write(output, child, pass.Reader, new EventExtras { Relations = own }, withRoomId: true),
            stop).ConfigureAwait(false);
        foreach (var (nid, relations) in bundled) extras[nid] = extras.GetValueOrDefault(nid) with { Relations = relations };
    }

    /// <summary>
    /// The events that others of them relate to. In an end of a room from which nothing is left out, what relates to an event is there too,
    /// for it came later: mostly nothing does, and the database need not be asked.
    /// </summary>
    private static List<StoredEvent> RelatedTo(IReadOnlyList<StoredEvent> events)
    {
        HashSet<string>? parents = null;
        foreach (var stored in events)
        {
            if (stored.Row.Json.Span.IndexOf("\"m.relates_to\""u8) < 0) continue;
            if (Relation.Of(stored.Pdu.Content) is { } relation) (parents ??= []).Add(relation.ParentId);
        }

        return parents is null ? [] : [.. events.Where(stored => parents.Contains(stored.EventId))];
    }
}
