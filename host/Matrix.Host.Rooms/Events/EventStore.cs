using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Events;

/// <summary>
/// Events by number and by id, from memory where possible. What a lane commits is put here before anyone is told of it, so that who waits for
/// an event does not read it back from disk.
/// </summary>
public sealed class EventStore(IEventsTable table, long cacheBytes)
{
    /// <summary>So many of the newest messages stay parsed, for those who wait for them: any more of them would only be moved by the collector.</summary>
    private const int Parsed = 256;

    /// <summary>The part of the memory for messages that nobody has read since they were sent: whoever waits for one reads it at once.</summary>
    private const int UnreadPart = 32;

    private const int MostReserved = 256;

    private readonly ByteCache<EventNid, StoredEvent> _byNid = new(cacheBytes, stored => stored.MemoryBytes, cacheBytes / UnreadPart);
    private readonly StoredEvent?[] _newest = new StoredEvent?[Parsed];
    private int _put;

    /// <summary>Bytes of events held.</summary>
    public long CachedBytes => _byNid.Bytes;

    /// <summary>The event of that number as memory has it; null if it is to be asked for.</summary>
    internal StoredEvent? Known(EventNid nid) => _byNid.TryGet(nid, out var known) ? known : null;

    /// <summary>The event of that number; null if there is none.</summary>
    public ValueTask<StoredEvent?> GetAsync(RoomIdentity room, EventNid nid, CancellationToken stop) =>
        _byNid.TryGet(nid, out var known) ? ValueTask.FromResult<StoredEvent?>(known) : ReadAsync(room, nid, stop);

    /// <summary>
    /// The event of that id in that room; null if there is none, or if it is in another room. Ids are looked up in the database: numbers are
    /// what is kept in memory.
    /// </summary>
    public async ValueTask<StoredEvent?> ByIdAsync(RoomIdentity room, string eventId, CancellationToken stop)
    {
        var row = await table.FindAsync(eventId, stop).ConfigureAwait(false);
        return row is null || row.Nid.Room != room.Nid ? null : Keep(room, row);
    }

    /// <summary>The events of these numbers, in the order asked for, absent ones left out. At most one question to the database.</summary>
    public async ValueTask<IReadOnlyList<StoredEvent>> GetManyAsync(
        RoomIdentity room, IReadOnlyCollection<EventNid> nids, CancellationToken stop)
    {
        var found = new Dictionary<EventNid, StoredEvent>(nids.Count);
        List<EventNid>? missing = null;
        foreach (var nid in nids)
        {
            if (_byNid.TryGet(nid, out var known)) found[nid] = known;
            else (missing ??= []).Add(nid);
        }

        if (missing is not null)
        {
            foreach (var row in await table.FindManyAsync(missing, stop).ConfigureAwait(false))
            {
                found[row.Nid] = Keep(room, row);
            }
        }

        var answer = new List<StoredEvent>(found.Count);
        foreach (var nid in nids)
        {
            if (found.TryGetValue(nid, out var stored)) answer.Add(stored);
        }

        return answer;
    }

    /// <summary>The ids of these numbers: no event is read.</summary>
    public ValueTask<IReadOnlyDictionary<EventNid, string>> IdsAsync(IReadOnlyCollection<EventNid> nids, CancellationToken stop) =>
        table.IdsAsync(nids, stop);

    /// <summary>A page of a room's timeline: see <see cref="IEventsTable.RangeAsync"/>. Rejected, soft-failed and outlying events are passed over.</summary>
    public async ValueTask<IReadOnlyList<StoredEvent>> RangeAsync(
        RoomIdentity room, EventNid from, EventNid? until, Direction direction, int limit, CancellationToken stop)
    {
        var answer = new List<StoredEvent>(Math.Min(limit, MostReserved));
        var at = KnownRange(room, from, until, direction, limit, answer, out var isWhole);
        if (isWhole) return answer;

        var rows = await table.RangeAsync(room.Nid, at, until, direction, limit - answer.Count, Hidden, stop).ConfigureAwait(false);
        foreach (var row in rows) answer.Add(Keep(room, row));
        return answer;
    }

    /// <summary>What no client is shown.</summary>
    public const EventMarks Hidden = StoredEvent.Hidden;

    /// <summary>The redactions of a room that wait for an event of that id, the earliest first.</summary>
    internal async ValueTask<IReadOnlyList<StoredEvent>> WaitingRedactionsAsync(
        RoomIdentity room, string targetId, int limit, CancellationToken stop)
    {
        var nids = await table.WaitingRedactionsAsync(room.Nid, targetId, limit, stop).ConfigureAwait(false);
        return nids.Count == 0 ? [] : await GetManyAsync(room, nids, stop).ConfigureAwait(false);
    }

    /// <summary>
    /// The beginning of a page, as far as memory has every ordinal of it: one that it lacks may have no event, or one that is to be read. Answers the
    /// event that the rest is next to.
    /// </summary>
    private EventNid KnownRange(
        RoomIdentity room, EventNid from, EventNid? until, Direction direction, int limit, List<StoredEvent> into, out bool isWhole)
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

            if ((known.Row.Marks & Hidden) == 0) into.Add(known);
        }

        return new EventNid(at);
    }

    /// <summary>An event that is now durable.</summary>
    internal void Put(StoredEvent stored)
    {
        // State is asked for again and again.
        if ((stored.Row.Marks & EventMarks.State) != 0)
        {
            _byNid.Put(stored.Nid, stored);
            return;
        }

        _byNid.PutUntried(stored.Nid, stored);
        var place = (uint)Interlocked.Increment(ref _put) % Parsed;
        Interlocked.Exchange(ref _newest[place], stored)?.ForgetParsed();
    }

    /// <summary>An event as it was redacted. Of several redactions the first counts, as in the database.</summary>
    internal void PutRedacted(StoredEvent stored)
    {
        if (!_byNid.TryGet(stored.Nid, out var known) || !known.IsRedacted) _byNid.Put(stored.Nid, stored);
    }

    /// <summary>Forgets all events.</summary>
    internal void Clear() => _byNid.Clear();

    /// <summary>Forgets the event: its row changed.</summary>
    internal void Drop(EventNid nid) => _byNid.Remove(nid);

    /// <summary>In one step: a redaction that is committed meanwhile is not undone by what was read before it.</summary>
    private StoredEvent Keep(RoomIdentity room, EventRow row) =>
        _byNid.TryGet(row.Nid, out var known) ? known : _byNid.PutIfAbsent(row.Nid, new StoredEvent(room, row));

    private async ValueTask<StoredEvent?> ReadAsync(RoomIdentity room, EventNid nid, CancellationToken stop)
    {
        var row = await table.FindAsync(nid, stop).ConfigureAwait(false);
        return row is null ? null : Keep(room, row);
    }
}
