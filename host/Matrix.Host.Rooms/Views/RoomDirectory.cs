using Matrix.Host.Rooms.Caching;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Rooms.Views;

/// <summary>
/// The rooms as readers see them. Hears of commits before the sync board does, so that whoever is woken finds the room as it is now.
/// </summary>
public sealed class RoomDirectory : ICommitObserver
{
    /// <summary>What a view costs beside its state, which the state cache counts: references, counts and the local members.</summary>
    private const long ViewBytes = 400;

    /// <summary>How many rooms are read from the database at once for one request.</summary>
    private const int ReadSideBySide = 16;

    private readonly IRoomsTable _table;
    private readonly LaneLoader _loader;
    private readonly EventStore _events;
    private readonly StateStore _states;
    private readonly ByteCache<RoomNid, RoomView> _views;
    private readonly ByteCache<string, RoomIdentity> _ids;

    /// <summary>Counts commits, by a stripe of rooms: what was read while its count moved may be stale.</summary>
    private readonly long[] _commits = new long[1024];

    internal RoomDirectory(IRoomsTable table, LaneLoader loader, EventStore events, StateStore states, RoomsOptions options)
    {
        _table = table;
        _loader = loader;
        _events = events;
        _states = states;
        var bound = options.IdleRooms * (ViewBytes + 120) * 4;
        _views = new(bound, view => ViewBytes + (32L * view.Local.Joined.Count));
        _ids = new(bound, identity => 200 + (2L * identity.RoomId.Length));
    }

    /// <summary>The room of that id as memory has it; null if it is to be asked for.</summary>
    public RoomView? Known(string roomId) =>
        _ids.TryGet(roomId, out var identity) && _views.TryGet(identity.Nid, out var known) ? known : null;

    /// <summary>The room of that id; null if this server does not know it.</summary>
    public async ValueTask<RoomView?> FindAsync(string roomId, CancellationToken stop)
    {
        if (_ids.TryGet(roomId, out var identity)) return await FindAsync(identity.Nid, stop).ConfigureAwait(false);
        var row = await _table.FindAsync(roomId, stop).ConfigureAwait(false);
        return row is null ? null : await FindAsync(row.Nid, stop).ConfigureAwait(false);
    }

    /// <summary>The room of that number; null if there is none.</summary>
    public ValueTask<RoomView?> FindAsync(RoomNid room, CancellationToken stop) =>
        _views.TryGet(room, out var known) ? ValueTask.FromResult<RoomView?>(known) : LoadAsync(room, stop);

    /// <summary>The rooms of these numbers, in the order asked for, absent ones left out. Those not in memory are read side by side, a few at a time.</summary>
    public async ValueTask<IReadOnlyList<RoomView>> FindManyAsync(IReadOnlyCollection<RoomNid> rooms, CancellationToken stop)
    {
        var read = new Dictionary<RoomNid, RoomView>();
        foreach (var some in rooms.Where(room => !_views.TryGet(room, out _)).Chunk(ReadSideBySide))
        {
            foreach (var view in await Task.WhenAll(some.Select(room => LoadAsync(room, stop).AsTask())).ConfigureAwait(false))
            {
                if (view is not null) read[view.Room.Nid] = view;
            }
        }

        var answer = new List<RoomView>(rooms.Count);
        foreach (var room in rooms)
        {
            if (read.TryGetValue(room, out var view) || (view = await FindAsync(room, stop).ConfigureAwait(false)) is not null) answer.Add(view);
        }

        return answer;
    }

    /// <inheritdoc/>
    public void Committed(in CommittedFlush flush)
    {
        foreach (var set in flush.Sets)
        {
            if (set.Tag is not RoomCommit commit) continue;
            var view = commit.View;
            var room = view.Room;
            view.Position = set.Position;
            foreach (var made in commit.Events)
            {
                made.Row = made.Row with { Position = set.Position };
                _events.Put(made);
            }

            foreach (var redacted in commit.Redacted)
            {
                // One that was redacted before it was durable did not know its position then: it is read anew.
                if (redacted.Row.Position == 0) _events.Drop(redacted.Nid);
                else _events.PutRedacted(redacted);
            }

            if (commit.StateChanged) _states.Put(room.Nid, view.Step, view.State);

            // Counted first: who loads the room at this moment either sees the count move, or is overwritten here.
            Interlocked.Increment(ref Commits(room.Nid));
            _views.Put(room.Nid, view);
            _ids.PutIfAbsent(room.RoomId, room);
        }
    }

    private async ValueTask<RoomView?> LoadAsync(RoomNid room, CancellationToken stop)
    {
        while (true)
        {
            var before = Volatile.Read(ref Commits(room));
            var row = await _table.FindAsync(room, stop).ConfigureAwait(false);
            if (row is null) return null;
            var view = await _loader.ViewAsync(row, stop).ConfigureAwait(false);
            if (_views.TryGet(room, out var newer)) return newer;
            _views.Put(room, view);
            _ids.Put(row.RoomId, view.Room);
            if (Volatile.Read(ref Commits(room)) == before) return view;

            // A commit came in between; its own view may have been overwritten.
            _views.Remove(room);
        }
    }

    private ref long Commits(RoomNid room) => ref _commits[room.Value & (_commits.Length - 1)];
}
