using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Destinations;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// The events that a server has not got, room by room, and what of them is recorded. Rooms take turns. After an outage
/// the newest event of each room goes first. Not thread-safe.
/// </summary>
internal sealed class PendingRooms(string server, OutboundOptions options)
{
    private readonly Dictionary<RoomNid, PendingEvents> _rooms = [];
    private readonly Queue<PendingEvents> _attempts = new();

    /// <summary>Rooms whose pending events differ from what is recorded.</summary>
    private readonly HashSet<RoomNid> _unrecorded = [];

    /// <summary>Rooms with a recorded row, and whether that is open.</summary>
    private readonly Dictionary<RoomNid, bool> _recorded = [];

    private bool _newestFirst;

    /// <summary>The number of pending events.</summary>
    internal int Count => _rooms.Values.Sum(static room => room.Count);

    internal bool IsEmpty => _rooms.Values.All(static room => room.IsEmpty);

    /// <summary>Whether something differs from what is recorded.</summary>
    internal bool IsUnrecorded => _unrecorded.Count > 0;

    /// <summary>Whether the database has a row of a room.</summary>
    internal bool IsRecorded => _recorded.Count > 0;

    internal bool Has(EventNid pdu) => _rooms.TryGetValue(pdu.Room, out var room) && room.Has(pdu);

    /// <summary>Restores what is pending of a room.</summary>
    /// <param name="row">The row.</param>
    /// <param name="newest">The newest outbound event of the room, for an open row.</param>
    /// <param name="isOutage">Whether the server has an outage.</param>
    /// <param name="newestFirst">Whether the newest event of each room goes first.</param>
    internal void Restore(PendingEventsRow row, EventNid newest, bool isOutage, bool newestFirst)
    {
        var room = RoomOf(row.Room);

        // What is pending by the database needs no new row before it changes.
        foreach (var ordinal in row.Ordinals) room.Add(ordinal, 0, options.MaxPending);
        if (row.IsOpen)
        {
            if (!newest.IsNone) room.Add(newest.Ordinal, 0, options.MaxPending);
            room.KeepNewest();
        }

        if (isOutage) room.KeepAtMost(options.MaxPendingInOutage);
        room.HasLeft = !row.IsOpen;
        _recorded[row.Room] = row.IsOpen;
        _newestFirst = newestFirst;
    }

    /// <summary>Adds events of a room.</summary>
    internal void Add(RoomNid nid, IEnumerable<EventNid> events, long position, bool hasLeft, bool isOutage)
    {
        var room = RoomOf(nid);
        var most = isOutage ? options.MaxPendingInOutage : options.MaxPending;
        var isNew = false;
        foreach (var each in events) isNew |= room.Add(each.Ordinal, position, most);
        room.HasLeft = hasLeft;
        if (isNew && !(_recorded.GetValueOrDefault(nid) && room.IsOpenRowEnough)) _unrecorded.Add(nid);
    }

    /// <summary>The server left a room by an event that is not sent to it.</summary>
    internal void Left(RoomNid nid)
    {
        if (!_rooms.TryGetValue(nid, out var room) || room.IsEmpty || room.HasLeft) return;
        room.HasLeft = true;
        _unrecorded.Add(nid);
    }

    /// <summary>Removes events that were taken, or are not sent any more.</summary>
    internal void Remove(IReadOnlyList<EventNid> pdus)
    {
        var sent = pdus.ToHashSet();
        foreach (var nid in pdus.Select(static pdu => pdu.Room).Distinct())
        {
            if (!_rooms.TryGetValue(nid, out var room)) continue;
            room.Remove(sent);
            if (_recorded.ContainsKey(nid)) _unrecorded.Add(nid);
            else if (room.IsEmpty) _unrecorded.Remove(nid);
        }

        if (!IsEmpty) return;
        _rooms.Clear();
        _attempts.Clear();
    }

    /// <summary>The server has an outage: what is sent after it is chosen then.</summary>
    internal void Interrupt()
    {
        _newestFirst = true;
        foreach (var room in _rooms.Values)
        {
            room.KeepAtMost(options.MaxPendingInOutage);
            room.IsNewestSent = false;
        }
    }

    /// <summary>The events of the next transaction, without those that are deferred.</summary>
    internal List<EventNid> Next(int most, IReadOnlyCollection<EventNid> deferred)
    {
        var pdus = new List<EventNid>();
        if (_newestFirst) TakeNewest(pdus, most, deferred);
        if (pdus.Count == 0) TakeInOrder(pdus, most, deferred);
        return pdus;
    }

    /// <summary>Adds what changed since the last record to a batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="recordedThrough">The position of the last record; later events are young.</param>
    /// <param name="withYoung">Whether to record young events too.</param>
    /// <returns>
    /// The position before the first event that was left out; <see cref="long.MaxValue"/> if none was.
    /// </returns>
    internal long Record(WriteBatch batch, long recordedThrough, bool withYoung)
    {
        var through = long.MaxValue;
        foreach (var nid in _unrecorded.ToArray())
        {
            var room = _rooms.GetValueOrDefault(nid);
            if (room is null or { IsEmpty: true })
            {
                if (_recorded.Remove(nid)) Add(new PendingEventsRecorded(server, nid, [], false));
            }
            else if (!withYoung && room.OldestPosition > recordedThrough)
            {
                through = Math.Min(through, room.OldestPosition - 1);
                continue;
            }
            else
            {
                _recorded[nid] = room.IsOpenRowEnough;
                Add(new PendingEventsRecorded(server, nid, [.. room.Ordinals], room.IsOpenRowEnough));
            }

            _unrecorded.Remove(nid);
        }

        return through;
        void Add(PendingEventsRecorded recorded) => batch.AlsoOf(Authority.Server(server)).Add(recorded);
    }

    /// <summary>Records everything again: a record was not written.</summary>
    internal void RecordAgain()
    {
        _unrecorded.UnionWith(_rooms.Keys);
        _unrecorded.UnionWith(_recorded.Keys);
        foreach (var nid in _unrecorded) _recorded[nid] = false;
    }

    /// <summary>Takes the newest event of each room once.</summary>
    private void TakeNewest(List<EventNid> pdus, int most, IReadOnlyCollection<EventNid> deferred)
    {
        foreach (var room in _attempts)
        {
            if (pdus.Count >= most) return;
            if (room.IsEmpty || room.IsNewestSent) continue;
            room.IsNewestSent = true;
            if (!deferred.Contains(room.Newest)) pdus.Add(room.Newest);
        }

        _newestFirst = pdus.Count > 0;
    }

    /// <summary>Takes the oldest events of the rooms in turn. A room that was served goes to the end.</summary>
    private void TakeInOrder(List<EventNid> pdus, int most, IReadOnlyCollection<EventNid> deferred)
    {
        for (var rooms = _attempts.Count; rooms > 0 && pdus.Count < most; rooms--)
        {
            var room = _attempts.Dequeue();
            if (room.IsEmpty)
            {
                _rooms.Remove(room.Room);
                continue;
            }

            room.Take(pdus, most - pdus.Count, deferred);
            _attempts.Enqueue(room);
        }
    }

    private PendingEvents RoomOf(RoomNid nid)
    {
        if (_rooms.TryGetValue(nid, out var room)) return room;
        room = new PendingEvents(nid);
        _rooms.Add(nid, room);
        _attempts.Enqueue(room);
        return room;
    }
}
