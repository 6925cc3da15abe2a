using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Relations;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Snapshots;

/// <summary>
/// The rooms as readers see them. Consumes changes before the notifier, so that woken readers find the new state.
/// </summary>
public sealed class RoomSnapshots : IChangeConsumer
{
    /// <summary>Bytes of a snapshot without its state, which the state cache counts, and without its members.</summary>
    private const long SnapshotBytes = 400;

    /// <summary>The most rooms that are read from the database at once.</summary>
    private const int ReadAtOnce = 64;

    /// <summary>The most states that one request reads from the database at once.</summary>
    private const int ReadSideBySide = 16;

    private readonly RoomsTable _table;
    private readonly IMembershipsTable _membershipsTable;
    private readonly RelationsTable _relationsTable;
    private readonly EventStore _events;
    private readonly StateStore _states;
    private readonly ByteCache<RoomNid, RoomSnapshot> _snapshots;
    private readonly ByteCache<string, RoomIdentity> _ids;

    private readonly Lock _gate = new();
    private readonly Dictionary<RoomNid, Loading> _loading = [];

    /// <summary>The batch that is being consumed; used on the writer's thread only.</summary>
    private RoomBatch _batch = new();

    internal RoomSnapshots(
        RoomsTable roomsTable,
        IMembershipsTable membershipsTable,
        RelationsTable relationsTable,
        EventStore events,
        StateStore states,
        RoomsOptions options)
    {
        _membershipsTable = membershipsTable;
        _relationsTable = relationsTable;
        _table = roomsTable;
        _events = events;
        _states = states;
        var bound = options.IdleRooms * (SnapshotBytes + 120) * 4;
        _snapshots = new(bound, snapshot => SnapshotBytes + (32L * snapshot.Local.Joined.Count));
        _ids = new(bound, identity => 200 + (2L * identity.RoomId.Length));
    }

    /// <summary>The cached room of that id; null if it is not cached.</summary>
    public RoomSnapshot? Known(string roomId) =>
        _ids.TryGet(roomId, out var identity) && _snapshots.TryGet(identity.Nid, out var known) ? known : null;

    /// <summary>The room of that id; null if this server does not know it.</summary>
    public async ValueTask<RoomSnapshot?> FindAsync(string roomId, CancellationToken stop)
    {
        if (_ids.TryGet(roomId, out var identity))
        {
            if (await FindAsync(identity.Nid, stop) is { } known) return known;

            // The room was deleted while it was read; there may be a new one.
            _ids.Remove(roomId);
        }

        var row = await _table.FindAsync(roomId, stop);
        return row is null ? null : await FindAsync(row.Nid, stop);
    }

    /// <summary>The room of that number; null if there is none.</summary>
    public ValueTask<RoomSnapshot?> FindAsync(RoomNid room, CancellationToken stop) =>
        _snapshots.TryGet(room, out var known) ? ValueTask.FromResult<RoomSnapshot?>(known) : LoadOneAsync(room, stop);

    /// <summary>
    /// The rooms of these numbers, in the same order, without absent ones. Rooms that are not cached are read many at a
    /// time.
    /// </summary>
    public async ValueTask<IReadOnlyList<RoomSnapshot>> FindManyAsync(
        IReadOnlyCollection<RoomNid> rooms, CancellationToken stop)
    {
        var read = new Dictionary<RoomNid, RoomSnapshot>();
        foreach (var some in rooms.Where(room => !_snapshots.TryGet(room, out _)).Distinct().Chunk(ReadAtOnce))
        {
            foreach (var snapshot in await LoadAsync(some, stop))
            {
                read[snapshot.Room.Nid] = snapshot;
            }
        }

        var answer = new List<RoomSnapshot>(rooms.Count);
        foreach (var room in rooms)
        {
            if (read.TryGetValue(room, out var snapshot)
                || (snapshot = await FindAsync(room, stop)) is not null)
            {
                answer.Add(snapshot);
            }
        }

        return answer;
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        switch (change)
        {
            case RoomCreated created:
                lock (_gate) _snapshots.Put(created.Room.Nid, RoomSnapshot.Of(created.Room));
                _ids.PutIfAbsent(created.Room.RoomId, created.Room);
                break;
            case EventsAppended appended:
                for (var i = 0; i < appended.Events.Count; i++)
                {
                    _events.Put(appended.Events[i]);
                    _batch.Relates |= appended.Events[i].HasRelation;
                }

                break;
            case EventRedacted redacted:
                // Its number, position or marks may have changed in the same transaction: readers read the row.
                _events.Drop(redacted.Nid);
                break;
            case OutlierRenumbered renumbered:
                _events.Drop(renumbered.Outlier);
                break;
            case EventMarksChanged changed:
                _events.Drop(changed.Nid);
                break;
            case StateChanged changed:
                _batch.State = changed;
                _batch.After = AfterOf(changed);
                if (_batch.After is { } after) _states.Put(changed.Room, changed.Step, after);
                break;
            case MembershipChanged { IsLocal: true } changed:
                (_batch.Memberships ??= []).Add(changed);
                break;
            case EventsPurged purged:
                foreach (var nid in purged.Events) _events.Drop(nid);
                break;
            case RoomDeleted { Applied: true } deleted:
                Delete(deleted.Room);
                break;
            case RoomAdvanced advanced:
                _batch.Advanced = advanced;
                _batch.Position = position;
                Advance(advanced.Room.Nid);
                break;
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        lock (_gate)
        {
            _batch = new RoomBatch();
            _snapshots.Clear();
            foreach (var loading in _loading.Values) loading.Missed = true;
        }

        _events.Clear();
        _states.Clear();
    }

    /// <summary>Forgets a room that does not exist any more.</summary>
    private void Delete(RoomIdentity room)
    {
        lock (_gate) Forget(room.Nid);
        _ids.Remove(room.RoomId);
        _states.Remove(room.Nid);
    }

    /// <summary>Drops a room from memory; a reader that is loading it now does not keep it. Under the lock.</summary>
    private void Forget(RoomNid room)
    {
        _snapshots.Remove(room);
        if (_loading.TryGetValue(room, out var loading)) loading.Missed = true;
    }

    /// <summary>The new state of a room; null if another node changed one that is not in memory.</summary>
    private StateTree? AfterOf(StateChanged changed)
    {
        if (changed.After is { } after) return after;
        var parent = _snapshots.TryGet(changed.Room, out var snapshot) && snapshot.Step == changed.Parent
            ? snapshot.State
            : _states.Known(changed.Room, changed.Parent);
        return parent is null ? null : changed.ApplyTo(parent);
    }

    /// <summary>Ends the batch's changes of the room: readers see all of them at once.</summary>
    private void Advance(RoomNid room)
    {
        lock (_gate)
        {
            if (_snapshots.TryGet(room, out var snapshot))
            {
                if (_batch.TryApply(snapshot, out var after)) _snapshots.Put(room, after);
                else Forget(room);
                _batch.Reset();
            }
            else
            {
                // A reader that is loading the room now applies the batch to what it reads.
                if (_loading.TryGetValue(room, out var loading)) loading.Batches.Add(_batch);
                _batch = new RoomBatch();
            }
        }
    }

    private async ValueTask<RoomSnapshot?> LoadOneAsync(RoomNid room, CancellationToken stop) =>
        await LoadAsync([room], stop) is [var read] ? read : null;

    /// <summary>Reads different rooms from the database, and keeps them.</summary>
    private async ValueTask<IReadOnlyList<RoomSnapshot>> LoadAsync(RoomNid[] rooms, CancellationToken stop)
    {
        var loadings = new Dictionary<RoomNid, Loading>(rooms.Length);
        lock (_gate)
        {
            foreach (var room in rooms)
            {
                if (!_loading.TryGetValue(room, out var loading)) _loading.Add(room, loading = new Loading());
                loading.Readers++;
                loadings.Add(room, loading);
            }
        }

        try
        {
            var read = await ReadAsync(rooms, stop);
            for (var i = 0; i < read.Length; i++)
            {
                var room = read[i].Room.Nid;
                var isStateKnown = true;
                lock (_gate)
                {
                    if (_snapshots.TryGet(room, out var known))
                    {
                        read[i] = known;
                    }
                    else
                    {
                        foreach (var batch in loadings[room].Batches)
                        {
                            isStateKnown &= batch.TryApply(read[i], out var after);
                            read[i] = after;
                        }

                        if (isStateKnown && !loadings[room].Missed) _snapshots.Put(room, read[i]);
                    }
                }

                if (!isStateKnown)
                {
                    read[i] = read[i] with { State = await _states.AtAsync(room, read[i].Step, stop) };
                }

                _ids.Put(read[i].Room.RoomId, read[i].Room);
            }

            return read;
        }
        finally
        {
            lock (_gate)
            {
                foreach (var (room, loading) in loadings)
                {
                    if (--loading.Readers == 0) _loading.Remove(room);
                }
            }
        }
    }

    /// <summary>
    /// Rooms as the database has them: three queries for all of them, and those of their states. What is committed
    /// after the first query may be in the others already; it is applied to them again.
    /// </summary>
    private async ValueTask<RoomSnapshot[]> ReadAsync(RoomNid[] rooms, CancellationToken stop)
    {
        var rows = await _table.FindManyAsync(rooms, stop);
        if (rows.Count == 0) return [];
        var members = _membershipsTable.JoinedLocalMembersAsync(rooms, stop).AsTask();
        var relating = _relationsTable.AnyAsync(rooms, stop).AsTask();
        await Task.WhenAll(members, relating);
        var states = new Dictionary<RoomNid, StateTree>(rows.Count);
        foreach (var some in rows.Chunk(ReadSideBySide))
        {
            var trees = await Task.WhenAll(some.Select(row =>
                _states.AtAsync(row.Nid, row.Header.CurrentStep, stop).AsTask()));
            for (var i = 0; i < some.Length; i++) states.Add(some[i].Nid, trees[i]);
        }

        var joined = (await members).ToLookup(each => each.Room, each => each.UserId);
        var related = (await relating).ToHashSet();
        return [.. rows.Select(row => new RoomSnapshot
        {
            Room = row.Identity,
            Step = row.Header.CurrentStep,
            State = states[row.Nid],
            JoinedCount = row.Header.JoinedCount,
            InvitedCount = row.Header.InvitedCount,
            LastEvent = EventNid.Of(row.Nid, row.Header.LastOrdinal),
            Local = LocalMembers.Of(joined[row.Nid]),
            HasRelations = related.Contains(row.Nid),
            Position = row.LastPosition,
        })];
    }

    /// <summary>A room that is being loaded, and the batches committed to it since.</summary>
    private sealed class Loading
    {
        public int Readers { get; set; }

        public List<RoomBatch> Batches { get; } = [];

        public bool Missed { get; set; }
    }

    /// <summary>The changes of one batch to one room.</summary>
    private sealed class RoomBatch
    {
        public bool Relates { get; set; }

        public StateChanged? State { get; set; }

        /// <summary>The new state; null if it has not changed, or is not known yet.</summary>
        public StateTree? After { get; set; }

        public List<MembershipChanged>? Memberships { get; set; }

        public RoomAdvanced? Advanced { get; set; }

        public long Position { get; set; }

        /// <summary>
        /// Applies the batch to a room. False if its new state is unknown: another node changed a state that is not the
        /// room's.
        /// </summary>
        public bool TryApply(RoomSnapshot before, out RoomSnapshot after)
        {
            after = before;
            if (before.Position >= Position) return true;
            var state = State is null ? before.State : After;
            if (state is null && State!.Parent == before.Step) state = State.ApplyTo(before.State);
            var header = Advanced!.Header;
            var local = before.Local;
            foreach (var changed in Memberships ?? [])
            {
                local = local.With(changed.UserId, changed.After == Membership.Join);
            }

            after = new RoomSnapshot
            {
                Room = before.Room,
                Step = State?.Step ?? before.Step,
                State = state ?? before.State,
                JoinedCount = header.JoinedCount,
                InvitedCount = header.InvitedCount,
                LastEvent = EventNid.Of(before.Room.Nid, header.LastOrdinal),
                Local = local,
                HasRelations = before.HasRelations || Relates,
                Position = Position,
            };
            return state is not null;
        }

        public void Reset()
        {
            Relates = false;
            State = null;
            After = null;
            Memberships = null;
            Advanced = null;
        }
    }
}
