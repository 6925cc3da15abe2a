using Matrix.Core.Room;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Streams.Streams.Timelines;

/// <summary>Reads the extras of a timeline's events: `unsigned` members and bundled aggregations.</summary>
internal sealed class TimelineExtras(ClientEvents clientEvents, MembershipHistory history, Aggregations aggregations)
{
    /// <summary>
    /// The extras of some of a timeline's events, in the same order, for the user with this current member event.
    /// </summary>
    public async ValueTask<EventExtras[]> OfAsync(
        UserDevice reader,
        RoomSnapshot snapshot,
        ViewScope scope,
        Timeline timeline,
        IReadOnlyList<StoredEvent> some,
        EventNid member,
        CancellationToken stop)
    {
        var memberships = await history.AtAsync(snapshot.Room, member, some, stop);
        var extras = await clientEvents.ExtrasAsync(snapshot.Room, some, memberships, scope, stop);
        await BundleAsync(reader, snapshot, scope, timeline, some, extras, stop);
        return extras;
    }

    /// <summary>
    /// Adds bundled aggregations. Only a limited timeline has them: otherwise the client gets every relating event
    /// itself. v1.19 client-server-api#aggregations-of-child-events
    /// </summary>
    private async ValueTask BundleAsync(
        UserDevice reader,
        RoomSnapshot snapshot,
        ViewScope scope,
        Timeline timeline,
        IReadOnlyList<StoredEvent> some,
        EventExtras[] extras,
        CancellationToken stop)
    {
        if (!timeline.Limited || !snapshot.HasRelations) return;
        var parents = timeline.IsWhole ? RelatedTo(timeline.Events, some) : some;
        if (parents.Count == 0) return;
        var bundled = await aggregations.OfAsync(
            snapshot.Room,
            parents,
            reader,
            scope,
            (output, child, own) =>
                clientEvents.For(reader).Write(
                    output, child, new EventExtras { Relations = own }, withRoomId: true),
            stop);
        for (var i = 0; i < extras.Length; i++)
        {
            if (bundled.TryGetValue(some[i].Nid, out var relations))
            {
                extras[i] = extras[i] with { Relations = relations };
            }
        }
    }

    /// <summary>
    /// Those of some events to which events of the whole list relate. If the list leaves out nothing up to its end, it
    /// holds all events that relate to its own. Mostly there are none: then the database need not be read.
    /// </summary>
    private static List<StoredEvent> RelatedTo(IReadOnlyList<StoredEvent> events, IReadOnlyList<StoredEvent> some)
    {
        HashSet<string>? parents = null;
        foreach (var stored in events)
        {
            if (stored.Row.Json.Span.IndexOf("\"m.relates_to\""u8) < 0) continue;
            if (Relation.Of(stored.Pdu.Content) is { } relation) (parents ??= []).Add(relation.ParentId);
        }

        return parents is null ? [] : [.. some.Where(stored => parents.Contains(stored.EventId))];
    }
}
