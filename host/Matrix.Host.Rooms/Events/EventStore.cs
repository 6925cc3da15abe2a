using System.Runtime.CompilerServices;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Events;

/// <summary>
/// Reads events by number and by id, from memory where possible. Committed events are put here before readers wake, so
/// that readers of new events do not read the disk.
/// </summary>
public sealed class EventStore(IEventsTable table, long cacheBytes)
{
    /// <summary>
    /// The number of newest messages that stay parsed. More of them would cost the collector more than parsing costs.
    /// </summary>
    private const int Parsed = 256;

    /// <summary>The divisor of the memory for messages that nobody has read since they were sent.</summary>
    private const int UnreadPart = 32;

    private const int MostReserved = 256;

    /// <summary>The events of a portion that are read without asking for their sizes first.</summary>
    public const int PortionEvents = 64;

    /// <summary>The bytes of a portion; one event may exceed them.</summary>
    public const int PortionBytes = 512 * 1024;

    /// <summary>The events whose sizes are asked for at once.</summary>
    private const int SizesAtOnce = 4096;

    private readonly ByteCache<EventNid, StoredEvent> _byNid = new(
        cacheBytes, stored => stored.MemoryBytes, cacheBytes / UnreadPart);
    private readonly StoredEvent?[] _newest = new StoredEvent?[Parsed];
    private int _put;

    /// <summary>How often events were dropped. A row that was read before one of these may be old.</summary>
    private long _drops;

    /// <summary>Bytes of cached events.</summary>
    public long CachedBytes => _byNid.Bytes;

    /// <summary>The cached event of that number; null if it is not cached.</summary>
    internal StoredEvent? Known(EventNid nid) => _byNid.TryGet(nid, out var known) ? known : null;

    /// <summary>The event of that number; null if there is none.</summary>
    public ValueTask<StoredEvent?> GetAsync(RoomIdentity room, EventNid nid, CancellationToken stop) =>
        _byNid.TryGet(nid, out var known) ? ValueTask.FromResult<StoredEvent?>(known) : ReadAsync(room, nid, stop);

    /// <summary>
    /// The event of that id; null if the room has no such event. This always reads the database: the cache is by
    /// number.
    /// </summary>
    public async ValueTask<StoredEvent?> ByIdAsync(RoomIdentity room, string eventId, CancellationToken stop)
    {
        var drops = Volatile.Read(ref _drops);
        var row = await table.FindAsync(room.Nid, eventId, stop);
        return row is null ? null : Keep(room, row, drops);
    }

    /// <summary>
    /// The events of these numbers, in the same order, without absent ones. An event that is asked for by its number
    /// and by the one that it had as an outlier is returned once. At most one query for live events.
    /// </summary>
    public async ValueTask<IReadOnlyList<StoredEvent>> GetManyAsync(
        RoomIdentity room, IReadOnlyCollection<EventNid> nids, CancellationToken stop)
    {
        var inOrder = new List<StoredEvent>(nids.Count);
        if (!AddKnown(nids, inOrder))
        {
            var found = await ByNumberAsync(room, nids, stop);
            inOrder.Clear();
            foreach (var nid in nids)
            {
                if (found.TryGetValue(nid, out var stored)) inOrder.Add(stored);
            }
        }

        return nids.Any(static nid => nid.IsOutlier) ? [.. inOrder.DistinctBy(static stored => stored.Nid)] : inOrder;
    }

    /// <summary>
    /// The events by the numbers asked for, without absent ones: the number that an event had as an outlier finds the
    /// live event. At most one query for live events.
    /// </summary>
    public async ValueTask<IReadOnlyDictionary<EventNid, StoredEvent>> ByNumberAsync(
        RoomIdentity room, IReadOnlyCollection<EventNid> nids, CancellationToken stop)
    {
        var found = new Dictionary<EventNid, StoredEvent>(nids.Count);
        List<EventNid>? missing = null;
        foreach (var nid in nids)
        {
            if (_byNid.TryGet(nid, out var known)) found[nid] = known;
            else (missing ??= []).Add(nid);
        }

        if (missing is null) return found;
        var drops = Volatile.Read(ref _drops);
        foreach (var row in await table.FindManyAsync(missing, stop))
        {
            found[row.Nid] = Keep(room, row, drops);
        }

        await AddRenumberedAsync(room, found, missing, stop);
        return found;
    }

    /// <summary>
    /// The events of these numbers, as <see cref="GetManyAsync"/> returns them, a portion at a time: each portion is
    /// read after the one before was used.
    /// </summary>
    public async IAsyncEnumerable<IReadOnlyList<StoredEvent>> PortionsAsync(
        RoomIdentity room, IReadOnlyList<EventNid> nids, [EnumeratorCancellation] CancellationToken stop)
    {
        if (nids.Count <= PortionEvents)
        {
            if (nids.Count > 0) yield return await GetManyAsync(room, nids, stop);
            yield break;
        }

        // An event may be among them by its number and by the one that it had as an outlier.
        var before = nids.Any(static nid => nid.IsOutlier) ? new HashSet<EventNid>() : null;
        foreach (var chunk in nids.Chunk(SizesAtOnce))
        {
            var sizes = await SizesAsync(chunk, stop);
            for (var (at, end) = (0, 0); at < chunk.Length; at = end)
            {
                for (long bytes = 0; end < chunk.Length && (end == at || bytes < PortionBytes); end++)
                {
                    bytes += sizes.GetValueOrDefault(chunk[end], PortionBytes);
                }

                var portion = await GetManyAsync(room, chunk[at..end], stop);
                yield return before is null ? portion : [.. portion.Where(stored => before.Add(stored.Nid))];
            }
        }
    }

    /// <summary>The bytes of events, of which those in memory are not asked for. Unknown ones are left out.</summary>
    private async ValueTask<IReadOnlyDictionary<EventNid, int>> SizesAsync(EventNid[] nids, CancellationToken stop)
    {
        var sizes = new Dictionary<EventNid, int>(nids.Length);
        List<EventNid>? missing = null;
        foreach (var nid in nids)
        {
            if (_byNid.TryGet(nid, out var known)) sizes[nid] = known.Row.Json.Length;
            else (missing ??= []).Add(nid);
        }

        if (missing is null) return sizes;
        foreach (var (nid, length) in await table.LengthsAsync(missing, stop))
        {
            sizes[nid] = length;
        }

        return sizes;
    }

    /// <summary>
    /// Reads events of several rooms into memory, with at most one query. What does not fit there, and outliers that
    /// came live since, are read when they are asked for.
    /// </summary>
    internal async ValueTask LoadAsync(
        IEnumerable<(RoomIdentity Room, EventNid Nid)> wanted, CancellationToken stop)
    {
        var missing = new Dictionary<EventNid, RoomIdentity>();
        foreach (var (room, nid) in wanted)
        {
            if (!_byNid.TryGet(nid, out _)) missing.TryAdd(nid, room);
        }

        if (missing.Count == 0) return;
        var drops = Volatile.Read(ref _drops);
        foreach (var row in await table.FindManyAsync(missing.Keys, stop))
        {
            if (missing.TryGetValue(row.Nid, out var room)) _ = Keep(room, row, drops);
        }
    }

    /// <summary>The ids of these numbers, without reading the events.</summary>
    public async ValueTask<IReadOnlyDictionary<EventNid, string>> IdsAsync(
        IReadOnlyCollection<EventNid> nids, CancellationToken stop)
    {
        var ids = await table.IdsAsync(nids, stop);
        var missing = nids.Where(nid => nid.IsOutlier && !ids.ContainsKey(nid)).ToArray();
        if (missing.Length == 0) return ids;

        var live = await table.RenumberedAsync(missing, stop);
        var named = await table.IdsAsync([.. live.Values], stop);
        var all = new Dictionary<EventNid, string>(ids);
        foreach (var (outlier, nid) in live) all[outlier] = named[nid];
        return all;
    }

    /// <summary>
    /// A page of a room's timeline: see <see cref="IEventsTable.RangeAsync"/>. Skips rejected and soft-failed events
    /// and outliers.
    /// </summary>
    public ValueTask<IReadOnlyList<StoredEvent>> RangeAsync(
        RoomIdentity room, EventNid from, EventNid? until, Direction direction, int limit, CancellationToken stop) =>
        RangeAsync(room, from, until, direction, limit, Hidden, stop);

    /// <summary>The same, without events that have any of these marks.</summary>
    internal async ValueTask<IReadOnlyList<StoredEvent>> RangeAsync(
        RoomIdentity room,
        EventNid from,
        EventNid? until,
        Direction direction,
        int limit,
        EventMarks without,
        CancellationToken stop)
    {
        var answer = new List<StoredEvent>(Math.Min(limit, MostReserved));

        // Outliers come before the timeline, and a joined room has thousands of them.
        var floor = EventNid.Of(room.Nid, EventNid.FirstHistoryOrdinal - 1);
        if (direction == Direction.Forward && from.Value < floor.Value) from = floor;
        if (direction == Direction.Backward && (until ?? floor).Value <= floor.Value) until = new(floor.Value + 1);
        var at = KnownRange(room, from, until, direction, limit, without, answer, out var isWhole);
        if (isWhole) return answer;

        var drops = Volatile.Read(ref _drops);
        var rows = await table.RangeAsync(room.Nid, at, until, direction, limit - answer.Count, without, stop);
        foreach (var row in rows) answer.Add(Keep(room, row, drops));
        return answer;
    }

    /// <summary>The marks of events that clients do not see.</summary>
    public const EventMarks Hidden = StoredEvent.Hidden;

    /// <summary>The redactions of a room that wait for an event of that id, the earliest first.</summary>
    internal async ValueTask<IReadOnlyList<StoredEvent>> WaitingRedactionsAsync(
        RoomIdentity room, string targetId, int limit, CancellationToken stop)
    {
        var nids = await table.WaitingRedactionsAsync(room.Nid, targetId, limit, stop);
        return nids.Count == 0 ? [] : await GetManyAsync(room, nids, stop);
    }

    /// <summary>
    /// Reads the beginning of a page from memory, up to the first ordinal that is not cached: the database knows
    /// whether it has an event. Returns the event at which the rest begins, exclusive.
    /// </summary>
    private EventNid KnownRange(
        RoomIdentity room,
        EventNid from,
        EventNid? until,
        Direction direction,
        int limit,
        EventMarks without,
        List<StoredEvent> into,
        out bool isWhole)
    {
        long step = direction == Direction.Forward ? 1 : -1;
        var end = (until ?? (step > 0 ? EventNid.LastOf(room.Nid) : EventNid.FirstOf(room.Nid))).Value;
        var at = from.Value;
        for (isWhole = true; into.Count < limit && (end - at) * step > 0; at += step)
        {
            if (new EventNid(at + step).Room != room.Nid || !_byNid.TryGet(new EventNid(at + step), out var known))
            {
                isWhole = false;
                break;
            }

            if ((known.Row.Marks & without) == 0) into.Add(known);
        }

        return new EventNid(at);
    }

    /// <summary>Caches an event that is now durable.</summary>
    internal void Put(StoredEvent stored)
    {
        // State events are read often.
        if ((stored.Row.Marks & EventMarks.State) != 0)
        {
            _byNid.Put(stored.Nid, stored);
            return;
        }

        _byNid.PutOnProbation(stored.Nid, stored);
        var slot = (uint)Interlocked.Increment(ref _put) % Parsed;
        Interlocked.Exchange(ref _newest[slot], stored)?.ForgetParsed();
    }

    /// <summary>Drops all cached events.</summary>
    internal void Clear()
    {
        Interlocked.Increment(ref _drops);
        _byNid.Clear();
    }

    /// <summary>Drops a cached event whose row changed.</summary>
    internal void Drop(EventNid nid)
    {
        Interlocked.Increment(ref _drops);
        _byNid.Remove(nid);
    }

    /// <summary>Caches a row that was read, unless events were dropped since: it may be one of them.</summary>
    private StoredEvent Keep(RoomIdentity room, EventRow row, long drops)
    {
        if (_byNid.TryGet(row.Nid, out var known)) return known;
        var read = new StoredEvent(room, row);
        if (Volatile.Read(ref _drops) != drops) return read;
        var kept = _byNid.PutIfAbsent(row.Nid, read);
        if (Volatile.Read(ref _drops) != drops) _byNid.Remove(row.Nid);
        return kept;
    }

    private async ValueTask<StoredEvent?> ReadAsync(RoomIdentity room, EventNid nid, CancellationToken stop)
    {
        var drops = Volatile.Read(ref _drops);
        var row = await table.FindAsync(nid, stop);
        if (row is not null) return Keep(room, row, drops);
        if (!nid.IsOutlier) return null;

        var found = new Dictionary<EventNid, StoredEvent>(1);
        await AddRenumberedAsync(room, found, [nid], stop);
        return found.GetValueOrDefault(nid);
    }

    /// <summary>Adds the cached events of these numbers; false if some are not cached.</summary>
    private bool AddKnown(IReadOnlyCollection<EventNid> nids, List<StoredEvent> into)
    {
        foreach (var nid in nids)
        {
            if (!_byNid.TryGet(nid, out var known)) return false;
            into.Add(known);
        }

        return true;
    }

    /// <summary>Adds the events of outliers that came live since, by their old numbers.</summary>
    private async ValueTask AddRenumberedAsync(
        RoomIdentity room,
        Dictionary<EventNid, StoredEvent> found,
        IReadOnlyCollection<EventNid> nids,
        CancellationToken stop)
    {
        var outliers = nids.Where(nid => nid.IsOutlier && !found.ContainsKey(nid)).ToArray();
        if (outliers.Length == 0) return;

        var live = await table.RenumberedAsync(outliers, stop);
        if (live.Count == 0) return;

        var events = await ByNumberAsync(room, [.. live.Values], stop);
        foreach (var (outlier, nid) in live)
        {
            if (events.TryGetValue(nid, out var stored)) found[outlier] = stored;
        }
    }
}
