using System.Globalization;
using Matrix.Core.Json;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Formats;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Tests.Rooms;

/// <summary>The rooms that one node changes, as another node's readers see them.</summary>
internal sealed class OtherNodesRoomsTests
{
    private RoomsWorld _world = null!;
    private Recorder _changes = null!;
    private PausingStates _table = null!;
    private RoomSnapshots _others = null!;
    private StateStore _otherStates = null!;
    private string _room = null!;

    [SetUp]
    public async Task Begin()
    {
        _world = await RoomsWorld.StartsAsync();
        _world.Storage.Writer.AddConsumer(_changes = new Recorder());
        var options = new RoomsOptions { ServerName = RoomsWorld.Server };
        _table = new PausingStates(_world.Storage.State);
        _otherStates = new StateStore(_table, 1 << 24);
        _others = new RoomSnapshots(
            _world.Storage.Rooms,
            _world.Storage.Memberships,
            _world.Storage.Relations,
            new EventStore(_world.Storage.Events, 1 << 24),
            _otherStates,
            options);
        _room = await _world.CreatesRoomAsync("alice");
    }

    [TearDown]
    public ValueTask End() => _world.DisposeAsync();

    [Test]
    public async Task A_room_is_followed_from_its_creation_on()
    {
        await ChangesAsync(1, 2);
        await _world.SaysAsync("alice", _room, "hello");
        Follow();
        var known = _others.Known(_room)!;

        Assert.That(_table.Reads, Is.Zero);
        await IsAsTheFirstNodeSeesItAsync(known);
    }

    [Test]
    public async Task A_state_whose_parent_is_not_in_memory_is_read_when_it_is_asked_for()
    {
        _changes.Taken();
        await ChangesAsync(1);
        Follow();

        Assert.That(_others.Known(_room), Is.Null);
        Assert.That(_table.Reads, Is.Zero);
        await IsAsTheFirstNodeSeesItAsync(await _others.FindAsync(_room, default));
    }

    [Test]
    public async Task A_room_whose_state_is_another_one_is_forgotten()
    {
        Follow();
        await ChangesAsync(1);
        _changes.Taken();
        await ChangesAsync(2);
        Assert.That(_others.Known(_room), Is.Not.Null);
        Follow();

        Assert.That(_others.Known(_room), Is.Null);
        await IsAsTheFirstNodeSeesItAsync(await _others.FindAsync(_room, default));
        Assert.That(_others.Known(_room), Is.Not.Null);
    }

    [Test]
    public async Task A_reader_that_began_before_the_changes_sees_them([Values] bool isOneMissed)
    {
        _changes.Taken();
        _table.Pause();
        var reader = _others.FindAsync(_room, default).AsTask();
        await _table.Paused;
        await ChangesAsync(1);
        if (isOneMissed) _changes.Taken();
        await ChangesAsync(2, 3);
        Follow();
        _table.Continue();

        await IsAsTheFirstNodeSeesItAsync(await reader);
        Assert.That(_others.Known(_room), isOneMissed ? Is.Null : Is.Not.Null);
        await IsAsTheFirstNodeSeesItAsync(await _others.FindAsync(_room, default));
    }

    /// <summary>The other node's readers get what was changed since the last time.</summary>
    private void Follow()
    {
        var format = new FlushFormat(SharedChanges.Formats);
        Assert.That(format.TryRead(format.Write(_changes.Taken()), out var batches, out _));
        foreach (var batch in batches!)
        {
            foreach (var change in batch.Changes) _others.OnChange(change, batch.Position);
        }
    }

    private async Task ChangesAsync(params int[] values)
    {
        foreach (var value in values)
        {
            var name = Json.Of(value.ToString(CultureInfo.InvariantCulture));
            Assert.That((await _world.SetsAsync("alice", _room, "m.room.name", "", ("name", name))).Failure, Is.Null);
        }
    }

    private async Task IsAsTheFirstNodeSeesItAsync(RoomSnapshot? seen)
    {
        var own = (await _world.Rooms.Rooms.FindAsync(_room, default))!;
        Assert.That(seen, Is.Not.Null);
        Assert.Multiple(() =>
        {
            Assert.That(
                seen! with { State = own.State, Local = own.Local, Room = own.Room }, Is.EqualTo(own), "the numbers");
            Assert.That(seen.Room, Is.EqualTo(own.Room));
            Assert.That(seen.State.Root.ToArray(), Is.EqualTo(own.State.Root.ToArray()));
            Assert.That(seen.Local.Joined, Is.EqualTo(own.Local.Joined));
        });
    }

    /// <summary>Keeps the batches of changes.</summary>
    private sealed class Recorder : IChangeConsumer
    {
        private List<WriteBatch> _batches = [];

        /// <summary>Those since the last time.</summary>
        public List<WriteBatch> Taken()
        {
            var batches = _batches;
            _batches = [];
            return batches;
        }

        public void OnChange(Change change, long position)
        {
            if (_batches is not [.., var last] || last.Position != position)
            {
                _batches.Add(last = new WriteBatch(Authority.Nobody) { Position = position });
            }

            last.Add(change);
        }

        public void Missed(long through) => throw new InvalidOperationException("It cannot miss anything.");
    }

    /// <summary>A table of states on which a reader may have to wait.</summary>
    private sealed class PausingStates(IStateTable table) : IStateTable
    {
        private readonly TaskCompletionSource _paused = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TaskCompletionSource? _going;

        /// <summary>The states that were read.</summary>
        public int Reads { get; private set; }

        /// <summary>Somebody waits.</summary>
        public Task Paused => _paused.Task;

        public void Pause() => _going = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Continue() => _going!.SetResult();

        public async ValueTask<StateChain?> ChainAsync(RoomNid room, int step, CancellationToken stop)
        {
            Reads++;
            _paused.TrySetResult();
            if (_going is { } going) await going.Task;
            return await table.ChainAsync(room, step, stop);
        }

        public ValueTask<StepRow?> StepAsync(RoomNid room, int step, CancellationToken stop) =>
            table.StepAsync(room, step, stop);

        public ValueTask<IReadOnlyList<StepRow>> StepsAsync(
            RoomNid room, IReadOnlyCollection<int> steps, CancellationToken stop) =>
            table.StepsAsync(room, steps, stop);

        public ValueTask<IReadOnlyDictionary<EventNid, int>> StepsBeforeAsync(
            IReadOnlyCollection<EventNid> nids, CancellationToken stop) => table.StepsBeforeAsync(nids, stop);

        public ValueTask<IReadOnlyList<NodeRow>> NodesAsync(
            RoomNid room, IReadOnlyCollection<int> nodes, CancellationToken stop) =>
            table.NodesAsync(room, nodes, stop);

        public ValueTask<IReadOnlyList<NodeRow>> NodesFromAsync(
            RoomNid room, int first, int limit, CancellationToken stop) =>
            table.NodesFromAsync(room, first, limit, stop);

        public ValueTask<CheckpointRow?> LastCheckpointAsync(RoomNid room, CancellationToken stop) =>
            table.LastCheckpointAsync(room, stop);
    }
}
