using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Reading;

/// <summary>Reads stretches of a timeline for a user, and writes events with all that goes with them.</summary>
public sealed class EventPages(
    EventStore events,
    StateStore states,
    Visibility visibility,
    ClientEvents clientEvents,
    MembershipHistory history,
    Aggregations aggregations,
    ILocalUsers users,
    ReadingOptions options,
    TimeProvider time)
{
    private const string MemberType = "m.room.member";

    /// <summary>A page: the events that pass, and where the next one goes on; null at the timeline's end.</summary>
    /// <param name="Events">In the order of the direction.</param>
    /// <param name="Next">The place to go on from.</param>
    public sealed record Page(IReadOnlyList<StoredEvent> Events, EventNid? Next);

    /// <summary>Reads from the event next to <paramref name="from"/> on; messages of users whom the reader ignores are passed over.</summary>
    /// <param name="readable">The room, for the user.</param>
    /// <param name="from">The event before the first, not included.</param>
    /// <param name="until">The last one; null for the timeline's end.</param>
    /// <param name="direction">Which way.</param>
    /// <param name="limit">At most this many.</param>
    /// <param name="filter">Which of them.</param>
    /// <param name="stop">Cancels reading.</param>
    public async ValueTask<Page> ReadAsync(
        Readable readable, EventNid from, EventNid? until, Direction direction, int limit, EventFilter filter, CancellationToken stop)
    {
        var hidden = await users.IgnoredByAsync(readable.Viewer.UserId, stop).ConfigureAwait(false);
        var kept = new List<StoredEvent>(limit);
        var scan = new ScanBudget(time, options.LongestScan);
        for (var (at, last, again) = (from, from, false); ; again = true)
        {
            // The time is up: nothing passes between the last event of the page and the last that was looked at.
            if (again && !scan.MayGoOn()) return new Page(kept, at);

            // One more than is wanted tells whether there are more.
            var wanted = again ? Math.Max(limit - kept.Count + 1, ScanBudget.Page) : limit + 1;
            var read = await events.RangeAsync(readable.Room, at, until, direction, wanted, stop).ConfigureAwait(false);
            var seen = await visibility.FilterAsync(readable.Room, read, readable.Viewer, stop).ConfigureAwait(false);
            foreach (var stored in seen)
            {
                if (!Admits(filter, stored)) continue;
                if (hidden.Contains(stored.Row.Sender) && (stored.Row.Marks & EventMarks.State) == 0) continue;
                if (kept.Count == limit) return new Page(kept, last);
                kept.Add(stored);
                last = stored.Nid;
            }

            if (read.Count < wanted) return new Page(kept, null);
            at = read[^1].Nid;
        }
    }

    /// <summary>Writes an array of events, with bundled aggregations.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="readable">The room, for the user.</param>
    /// <param name="among">The events.</param>
    /// <param name="reader">For whom.</param>
    /// <param name="stop">Cancels reading.</param>
    /// <param name="bundles">What is bundled with them, if that was asked for already.</param>
    public async ValueTask WriteAsync(
        ByteBuffer output,
        Readable readable,
        IReadOnlyList<StoredEvent> among,
        UserDevice reader,
        CancellationToken stop,
        IReadOnlyDictionary<EventNid, ReadOnlyMemory<byte>>? bundles = null)
    {
        var extras = await clientEvents.ExtrasAsync(
            readable.Room, among, await history.AtAsync(readable.Room, readable.Member, among, stop).ConfigureAwait(false), SightOf(readable), stop).ConfigureAwait(false);
        var bundled = bundles ?? await BundledAsync(readable, among, reader, stop).ConfigureAwait(false);
        output.Byte((byte)'[');
        for (var i = 0; i < among.Count; i++)
        {
            if (i > 0) output.Byte((byte)',');
            var each = extras.GetValueOrDefault(among[i].Nid);
            clientEvents.Write(
                output, among[i], reader, each with { Relations = bundled.GetValueOrDefault(among[i].Nid) }, withRoomId: true);
        }

        output.Byte((byte)']');
    }

    /// <summary>Writes one event, with bundled aggregations.</summary>
    public async ValueTask WriteOneAsync(ByteBuffer output, Readable readable, StoredEvent stored, UserDevice reader, CancellationToken stop)
    {
        using var array = new ByteBuffer(2048);
        await WriteAsync(array, readable, [stored], reader, stop).ConfigureAwait(false);
        output.Raw(array.Written[1..^1]);
    }

    /// <summary>The event of that id, if it is there for the user to see; null otherwise.</summary>
    public async ValueTask<StoredEvent?> FindAsync(Readable readable, string eventId, CancellationToken stop)
    {
        var stored = await events.ByIdAsync(readable.Room, eventId, stop).ConfigureAwait(false);
        if (stored is not { IsShown: true } || stored.Nid.Value > readable.Through.Value) return null;
        var seen = await visibility.FilterAsync(readable.Room, [stored], readable.Viewer, stop).ConfigureAwait(false);
        return seen.Count == 1 ? seen[0] : null;
    }

    /// <summary>
    /// The state after an event, as far as a filter lets it through; of the members only the senders of some events, if the filter loads them
    /// lazily.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoredEvent>> StateAtAsync(
        Readable readable, StoredEvent at, EventFilter filter, IReadOnlyList<StoredEvent> shown, CancellationToken stop)
    {
        var state = await states.AtAsync(readable.Room.Nid, at.Row.Step, stop).ConfigureAwait(false);
        var senders = filter.LazyLoadMembers ? shown.Select(stored => stored.Row.Sender).ToHashSet(StringComparer.Ordinal) : null;
        var nids = state.Entries()
            .Where(entry => senders is null || entry.Type != MemberType || senders.Contains(entry.StateKey))
            .Select(entry => EventNid.Of(readable.Room.Nid, entry.Ordinal)).Order().ToList();
        var found = await events.GetManyAsync(readable.Room, nids, stop).ConfigureAwait(false);
        return [.. found.Where(stored => Admits(filter, stored))];
    }

    /// <summary>What is bundled with these events.</summary>
    public ValueTask<IReadOnlyDictionary<EventNid, ReadOnlyMemory<byte>>> BundledAsync(
        Readable readable, IReadOnlyList<StoredEvent> among, UserDevice reader, CancellationToken stop) => !readable.HasRelations
            ? new(_nothingBundled)
            : aggregations.OfAsync(
                readable.Room,
                among,
                reader,
                SightOf(readable),
                (buffer, child, own) => clientEvents.Write(buffer, child, reader, new EventExtras { Relations = own }, withRoomId: true),
                stop);

    private static readonly IReadOnlyDictionary<EventNid, ReadOnlyMemory<byte>> _nothingBundled = new Dictionary<EventNid, ReadOnlyMemory<byte>>();

    /// <summary>
    /// The member events of these events' senders, by the state at the first of them: what a client needs that loads members lazily.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoredEvent>> SendersAsync(
        Readable readable, IReadOnlyList<StoredEvent> among, CancellationToken stop)
    {
        if (among.Count == 0) return [];
        var state = await states.AtAsync(readable.Room.Nid, among[0].Row.Step, stop).ConfigureAwait(false);
        var nids = among.Select(stored => stored.Row.Sender).Distinct()
            .Select(sender => state.Find(MemberType, sender) ?? readable.State.Find(MemberType, sender))
            .Where(entry => entry is not null)
            .Select(entry => EventNid.Of(readable.Room.Nid, entry!.Ordinal)).ToList();
        return await events.GetManyAsync(readable.Room, nids, stop).ConfigureAwait(false);
    }

    private static ViewScope SightOf(Readable readable) => new(readable.Viewer, readable.Through);

    /// <summary>Whether a filter lets an event through.</summary>
    public static bool Admits(EventFilter filter, StoredEvent stored) =>
        filter.AdmitsAll
        || (filter.AdmitsRoom(stored.Room.RoomId)
            && filter.Admits(stored.Pdu.Type, stored.Row.Sender, filter.LooksAtUrl && EventFilter.HasUrl(stored.Pdu.Content)));

}
