using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Reading;

/// <summary>Reads pages of a timeline as a user sees it, and writes events with their `unsigned` members.</summary>
public sealed class EventPages(
    EventStore events,
    StateStore states,
    Visibility visibility,
    ClientEvents clientEvents,
    MembershipHistory history,
    Aggregations aggregations,
    TimelineGaps gaps,
    IMissingHistory missing,
    ILocalUsers users,
    ReadingOptions options,
    TimeProvider time)
{
    /// <summary>A page of events.</summary>
    /// <param name="Events">
    /// The events that pass the filter, in the order of the direction: at most the limit, and as many as have
    /// <see cref="ReadingOptions.PageBytes"/>.
    /// </param>
    /// <param name="Next">The event after which the next page begins; null at the timeline's end.</param>
    public sealed record Page(IReadOnlyList<StoredEvent> Events, EventNid? Next);

    /// <summary>
    /// Reads a page that begins after <paramref name="from"/>, without messages of users whom the reader ignores. A
    /// page backward that comes to a place where events are missing fetches some of these from other servers.
    /// </summary>
    /// <param name="readable">The part of the room that the user may read.</param>
    /// <param name="from">The event before the first one.</param>
    /// <param name="until">The last event; null for the timeline's end.</param>
    /// <param name="direction">The direction.</param>
    /// <param name="limit">The most events.</param>
    /// <param name="filter">The filter.</param>
    /// <param name="fetchesHistory">Whether missing events may be fetched.</param>
    /// <param name="scan">The time, if several pages share it.</param>
    public async ValueTask<Page> ReadAsync(
        Readable readable,
        EventNid from,
        EventNid? until,
        Direction direction,
        int limit,
        EventFilter filter,
        CancellationToken stop,
        bool fetchesHistory = true,
        ScanBudget? scan = null)
    {
        var hidden = await users.IgnoredByAsync(readable.Viewer.UserId, stop);
        var page = new PageInProgress(from, limit, options.PageBytes, filter, hidden);
        scan ??= new ScanBudget(time, options.LongestScan);
        var fetches = direction == Direction.Backward && fetchesHistory ? options.MaxHistoryFetches : 0;
        var passed = EventNid.None;
        for (var (at, again) = (from, false); ; again = true)
        {
            // The time is up: no event between the last of the page and this one passes.
            if (again && !scan.MayGoOn()) return page.EndsAfter(at);

            // One more than the limit shows whether there are more.
            var wanted = again ? ScanBudget.Page : Math.Min(limit + 1, ScanBudget.Page);
            var read = await events.RangeAsync(readable.Room, at, until, direction, wanted, stop);
            var isEnd = read.Count < wanted;
            var gap = direction == Direction.Backward
                ? await gaps.LatestAsync(
                    readable.Room,
                    at,
                    read,
                    isEnd ? EndOf(readable.Room, until) : null,
                    passed,
                    atEnd: true,
                    stop)
                : null;
            var known = gap is null ? read : [.. read.TakeWhile(each => each.Nid.Value >= gap.Below.Value)];
            var seen = await visibility.FilterAsync(readable.Room, known, readable.Viewer, stop);
            if (!page.TryAdd(seen)) return page.EndsAfter(page.Last);
            if (gap is not null)
            {
                if (page.HasMost) return page.EndsAfter(page.Last);
                at = gap.Below;
                var fetched = await FetchAsync(readable.Room, gap, mayFetch: !gap.IsFilled && fetches-- > 0, stop);

                // The next page may have what comes too late for this one. An empty one ends where it began: clients
                // take that for the end of the room, unless they read up to a position.
                if (fetched == HistoryFetch.NotYet && (page.HasEvents || until is not null)) return page.EndsAfter(at);

                // What is before the gap comes after what was fetched. If nothing was, the page passes over the gap.
                if (fetched != HistoryFetch.Fetched) passed = at;
                if (fetched == HistoryFetch.Fetched || !isEnd || (read.Count > 0 && at != read[^1].Nid)) continue;

                // A client may ask again for what no server had now, unless it asked for nothing else. Then this looks
                // whether another client's request has fetched some of it meanwhile.
                if (!page.HasEvents) continue;
                return page.EndsAfter(at);
            }

            if (isEnd) return page.EndsAfter(null);
            at = read[^1].Nid;
        }
    }

    /// <summary>Fetches some of the events that are missing at a place, unless they have come meanwhile.</summary>
    private ValueTask<HistoryFetch> FetchAsync(
        RoomIdentity room, TimelineGap gap, bool mayFetch, CancellationToken stop) =>
        gap.IsFilled ? new(HistoryFetch.Fetched)
        : mayFetch ? missing.FetchAsync(room, gap.Followers, gap.Place, stop)
        : options.MaxHistoryFetches > 0 ? new(HistoryFetch.NotYet)
        : new(HistoryFetch.NowhereNow);

    /// <summary>The events of a page that were found so far.</summary>
    private struct PageInProgress(
        EventNid from, int limit, int pageBytes, EventFilter filter, IReadOnlySet<string> hidden)
    {
        private readonly List<StoredEvent> _kept = new(Math.Min(limit, ScanBudget.Page));
        private long _bytes;

        /// <summary>The last of them; if there is none, the event after which the page begins.</summary>
        public EventNid Last { get; private set; } = from;

        public readonly bool HasEvents => _kept.Count > 0;

        public readonly bool HasMost => _kept.Count == limit;

        /// <summary>Adds the events that pass. False if the page has no space for one.</summary>
        public bool TryAdd(IReadOnlyList<StoredEvent> seen)
        {
            foreach (var stored in seen)
            {
                if (!Admits(filter, stored)) continue;
                if (hidden.Contains(stored.Row.Sender) && (stored.Row.Marks & EventMarks.State) == 0) continue;
                if (HasMost || _bytes >= pageBytes) return false;
                _kept.Add(stored);
                _bytes += stored.Row.Json.Length;
                Last = stored.Nid;
            }

            return true;
        }

        public readonly Page EndsAfter(EventNid? next) => new(_kept, next);
    }

    /// <summary>The number before the last one of a page backward.</summary>
    private static EventNid EndOf(RoomIdentity room, EventNid? until) =>
        until is { } last ? new EventNid(last.Value - 1) : EventNid.FirstOf(room.Nid);

    /// <summary>Writes an array of events, with bundled aggregations, in steps.</summary>
    /// <param name="output">The response.</param>
    /// <param name="readable">The part of the room that the user may read.</param>
    /// <param name="among">The events.</param>
    /// <param name="reader">The reader.</param>
    /// <param name="isPage">Whether the array ends at <see cref="ReadingOptions.PageBytes"/>.</param>
    /// <returns>How many events were written: at least one, if there are any.</returns>
    public async ValueTask<int> WriteAsync(
        ResponseWriter output,
        Readable readable,
        IReadOnlyList<StoredEvent> among,
        UserDevice reader,
        CancellationToken stop,
        bool isPage = false)
    {
        output.Buffer.Byte((byte)'[');
        var most = isPage ? output.Length + options.PageBytes : long.MaxValue;
        var written = 0;
        while (written < among.Count && output.Length < most)
        {
            var portion = PortionOf(readable, among, written);
            if (written > 0) output.Buffer.Byte((byte)',');
            await WritePortionAsync(output.Buffer, readable, portion, reader, null, stop);
            written += portion.Count;
            await output.StepAsync(stop);
        }

        output.Buffer.Byte((byte)']');
        return written;
    }

    /// <summary>Writes an array of the events of these numbers, which are read in portions.</summary>
    /// <param name="output">The response.</param>
    /// <param name="readable">The part of the room that the user may read.</param>
    /// <param name="nids">The events' numbers.</param>
    /// <param name="admits">Says which of them are written; null for all.</param>
    /// <param name="reader">The reader.</param>
    public async ValueTask WriteAsync(
        ResponseWriter output,
        Readable readable,
        IReadOnlyList<EventNid> nids,
        Func<StoredEvent, bool>? admits,
        UserDevice reader,
        CancellationToken stop)
    {
        output.Buffer.Byte((byte)'[');
        var isFirst = true;
        await foreach (var portion in events.PortionsAsync(readable.Room, nids, stop))
        {
            var shown = admits is null ? portion : [.. portion.Where(admits)];
            if (shown.Count == 0) continue;
            if (!isFirst) output.Buffer.Byte((byte)',');
            isFirst = false;
            await WritePortionAsync(output.Buffer, readable, shown, reader, null, stop);
            await output.StepAsync(stop);
        }

        output.Buffer.Byte((byte)']');
    }

    /// <summary>
    /// The next events that are written at once. Each may bring other events along: the one it replaced, its edit, the
    /// latest of its thread.
    /// </summary>
    private static IReadOnlyList<StoredEvent> PortionOf(
        Readable readable, IReadOnlyList<StoredEvent> among, int from)
    {
        var most = readable.HasRelations ? EventStore.PortionEvents : ScanBudget.Page;
        var end = from;
        for (long bytes = 0; end < among.Count && end - from < most && bytes < EventStore.PortionBytes; end++)
        {
            bytes += among[end].Row.Json.Length;
        }

        return from == 0 && end == among.Count ? among : [.. among.Skip(from).Take(end - from)];
    }

    /// <summary>Writes some events with commas between them, at once.</summary>
    public async ValueTask WritePortionAsync(
        ByteBuffer output,
        Readable readable,
        IReadOnlyList<StoredEvent> among,
        UserDevice reader,
        IReadOnlyDictionary<EventNid, ReadOnlyMemory<byte>>? bundles,
        CancellationToken stop)
    {
        var extras = await clientEvents.ExtrasAsync(
            readable.Room,
            among,
            await history.AtAsync(readable.Room, readable.Member, among, stop),
            ScopeOf(readable),
            stop);
        var bundled = bundles ?? await BundledAsync(readable, among, reader, stop);
        var writer = clientEvents.For(reader);
        for (var i = 0; i < among.Count; i++)
        {
            if (i > 0) output.Byte((byte)',');
            if (bundled.TryGetValue(among[i].Nid, out var relations))
            {
                extras[i] = extras[i] with { Relations = relations };
            }

            writer.Write(output, among[i], in extras[i], withRoomId: true);
        }
    }

    /// <summary>Writes one event, with bundled aggregations.</summary>
    public ValueTask WriteOneAsync(
        ByteBuffer output, Readable readable, StoredEvent stored, UserDevice reader, CancellationToken stop) =>
        WritePortionAsync(output, readable, [stored], reader, null, stop);

    /// <summary>The event of that id; null if there is none or the user may not see it.</summary>
    public async ValueTask<StoredEvent?> FindAsync(Readable readable, string eventId, CancellationToken stop)
    {
        var stored = await events.ByIdAsync(readable.Room, eventId, stop);
        if (stored is not { IsShown: true } || stored.Nid.Value > readable.Through.Value) return null;
        var seen = await visibility.FilterAsync(readable.Room, [stored], readable.Viewer, stop);
        return seen.Count == 1 ? seen[0] : null;
    }

    /// <summary>
    /// The state after an event. If the filter loads members lazily, only the members who sent some of the given
    /// events.
    /// </summary>
    public async ValueTask<IReadOnlyList<EventNid>> StateAtAsync(
        Readable readable, StoredEvent at, EventFilter filter, IReadOnlyList<StoredEvent> shown, CancellationToken stop)
    {
        var state = await states.AtAsync(readable.Room.Nid, at.Row.Step, stop);
        var senders = filter.LazyLoadMembers
            ? shown.Select(stored => stored.Row.Sender).ToHashSet(StringComparer.Ordinal)
            : null;
        return [.. state.Entries()
            .Where(entry => senders is null || entry.Type != EventTypes.Member || senders.Contains(entry.StateKey))
            .Where(entry => filter.AdmitsType(entry.Type))
            .Select(entry => EventNid.Of(readable.Room.Nid, entry.Ordinal)).Order()];
    }

    /// <summary>The bundled aggregations of these events.</summary>
    public ValueTask<IReadOnlyDictionary<EventNid, ReadOnlyMemory<byte>>> BundledAsync(
        Readable readable, IReadOnlyList<StoredEvent> among, UserDevice reader, CancellationToken stop) =>
        !readable.HasRelations
            ? new(_nothingBundled)
            : aggregations.OfAsync(
                readable.Room,
                among,
                reader,
                ScopeOf(readable),
                (buffer, child, own) =>
                    clientEvents.For(reader).Write(
                        buffer, child, new EventExtras { Relations = own }, withRoomId: true),
                stop);

    private static readonly IReadOnlyDictionary<EventNid, ReadOnlyMemory<byte>> _nothingBundled =
        new Dictionary<EventNid, ReadOnlyMemory<byte>>();

    /// <summary>
    /// The member events of these events' senders, in the state at the first of them, for clients that load members
    /// lazily.
    /// </summary>
    public async ValueTask<IReadOnlyList<EventNid>> SendersAsync(
        Readable readable, IEnumerable<StoredEvent> among, CancellationToken stop)
    {
        if (among.FirstOrDefault() is not { } first) return [];
        var state = await states.AtAsync(readable.Room.Nid, first.Row.Step, stop);
        return [.. among.Select(stored => stored.Row.Sender).Distinct()
            .Select(sender => state.Find(EventTypes.Member, sender) ?? readable.State.Find(EventTypes.Member, sender))
            .Where(entry => entry is not null)
            .Select(entry => EventNid.Of(readable.Room.Nid, entry!.Ordinal))];
    }

    private static ViewScope ScopeOf(Readable readable) => new(readable.Viewer, readable.Through);

    /// <summary>Whether a filter admits an event.</summary>
    public static bool Admits(EventFilter filter, StoredEvent stored) =>
        filter.AdmitsAll
        || (filter.AdmitsRoom(stored.Room.RoomId)
            && filter.Admits(
                stored.Pdu.Type, stored.Row.Sender, filter.LooksAtUrl && EventFilter.HasUrl(stored.Pdu.Content)));

}
