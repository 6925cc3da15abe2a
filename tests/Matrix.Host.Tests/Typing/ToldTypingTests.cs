using Matrix.Core.Facade;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Typing;

namespace Matrix.Host.Tests.Typing;

/// <summary>Typing users of rooms of other nodes.</summary>
internal sealed class ToldTypingTests
{
    private static readonly TimeSpan _soon = TimeSpan.FromMilliseconds(100);
    private static readonly RoomIdentity _kitchen =
        new(new RoomNid(7), "!kitchen:hs", RoomRules.Find(RoomRules.Recommended)!);

    private static readonly Authority _its = Authority.Room(_kitchen.RoomId);

    private readonly List<Node> _all = [];
    private ManualTime _time = null!;
    private NodeWires _wires = null!;
    private Node _owner = null!;
    private Node _other = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        (_time, _wires) = (new ManualTime(), new NodeWires());
        _all.Clear();
        _owner = Starts("owner");
        _other = Starts("other");
        await _other.Shards.CloseAsync(_its);
    }

    [TearDown]
    public void TearDown() => _all.ForEach(static node => node.Notifier.Dispose());

    [Test]
    public void All_nodes_show_who_types_in_the_room_of_one()
    {
        var counter = _other.Notifier.Ephemeral;
        _owner.Board.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(30));
        _owner.Board.Set(_kitchen, "@b:hs", TimeSpan.FromSeconds(30));
        Assert.That(_other.Typing, Is.Empty, "changes are gathered");
        _time.Advance(_soon);
        Assert.That(_other.Typing, Is.EqualTo(new[] { "@a:hs", "@b:hs" }));
        var told = _wires.Arrived.Count(static each => each.Kind == NodeTellKind.Typing && each.Body.Length > 20);
        Assert.That(told, Is.EqualTo(1));
        Assert.That(_other.Notifier.Ephemeral, Is.EqualTo(counter + 2));

        _owner.Board.Set(_kitchen, "@a:hs", null);
        _time.Advance(_soon);
        Assert.That(_other.Typing, Is.EqualTo(new[] { "@b:hs" }));
        Assert.That(_other.Seen, Is.EqualTo(new[] { ("@a:hs", true), ("@b:hs", true), ("@a:hs", false) }));
        Assert.That(_other.Board.Set(_kitchen, "@c:hs", _soon), Is.False);
    }

    [Test]
    public void Typing_ends_by_its_time_though_its_end_is_not_told()
    {
        _owner.Board.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(10));
        _time.Advance(_soon);
        _wires.IsCut = true;
        _time.Advance(TimeSpan.FromSeconds(9));
        Assert.That(_other.Typing, Is.Not.Empty);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.That(_other.Typing, Is.Empty);
    }

    [Test]
    public void What_was_lost_is_told_again()
    {
        _wires.IsCut = true;
        _owner.Board.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(100));
        _time.Advance(_soon);
        _wires.IsCut = false;
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.That(_other.Typing, Is.EqualTo(new[] { "@a:hs" }));

        _wires.IsCut = true;
        _owner.Board.Set(_kitchen, "@a:hs", null);
        _time.Advance(_soon);
        _wires.IsCut = false;
        Assert.That(_other.Typing, Is.Not.Empty);
        _time.Advance(TimeSpan.FromSeconds(31));
        Assert.That(_other.Typing, Is.Empty);
    }

    [Test]
    public void An_older_tell_that_comes_late_changes_nothing()
    {
        _owner.Board.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(100));
        _time.Advance(_soon);
        var late = _wires.Arrived[^1];
        _owner.Board.Set(_kitchen, "@a:hs", null);
        _time.Advance(_soon);
        _other.Wired.OnTold(_owner.Wired.Self, late.Kind, late.Body);
        Assert.That(_other.Typing, Is.Empty);
    }

    [Test]
    public async Task A_new_node_gets_all_and_what_a_dead_one_told_is_dropped()
    {
        _owner.Board.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(100));
        _time.Advance(_soon);
        var third = Starts("third");
        Assert.That(third.Typing, Is.Empty, "its own shard still");
        await third.Shards.CloseAsync(_its);
        var fourth = Starts("fourth", _its);
        Assert.That(fourth.Typing, Is.EqualTo(new[] { "@a:hs" }));

        _wires.Dies(_owner.Wired);
        Assert.That((_other.Typing.Count, fourth.Typing.Count), Is.EqualTo((0, 0)));
        _other.Wired.OnTold(_owner.Wired.Self, _wires.Arrived[0].Kind, _wires.Arrived[0].Body);
        Assert.That(_other.Typing, Is.Empty);
    }

    [Test]
    public async Task The_node_that_gets_the_room_goes_on_and_tells_the_one_that_gave_it()
    {
        _owner.Board.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(100));
        _owner.Board.Set(_kitchen, "@b:hs", TimeSpan.FromSeconds(100));
        _time.Advance(_soon);
        await _owner.Shards.CloseAsync(_its);
        _other.Shards.Open(_its);
        Assert.That(_other.Typing, Has.Count.EqualTo(2));

        _other.Board.Set(_kitchen, "@a:hs", null);
        _time.Advance(_soon);
        Assert.That(_owner.Typing, Is.EqualTo(new[] { "@b:hs" }));
        _wires.Dies(_owner.Wired);
        Assert.That(_other.Typing, Is.EqualTo(new[] { "@b:hs" }));
    }

    [Test]
    public void Malformed_bytes_are_ignored()
    {
        foreach (var bytes in new byte[][] { [], [0xff], [0x85, 1, 1, 0, 0, 0x82, 0x61, 0x37, 0x41, 0xff], [1, 2, 3] })
        {
            _other.Wired.OnTold(_owner.Wired.Self, NodeTellKind.Typing, bytes);
        }

        Assert.That(_other.Typing, Is.Empty);
    }

    [Test]
    public void A_node_without_others_tells_nothing()
    {
        _wires.Dies(_other.Wired);
        _wires.Arrived.Clear();
        var timers = _time.Timers;
        _owner.Board.Set(_kitchen, "@a:hs", TimeSpan.FromSeconds(100));
        Assert.That((_wires.Arrived.Count, _time.Timers), Is.EqualTo((0, timers + 1)), "the end of typing only");
    }

    private Node Starts(string name, params Authority[] closed)
    {
        var node = new Node(_wires.Starts(name, _time), _time, closed);
        _all.Add(node);
        return node;
    }

    private sealed class Node : ITypingObserver
    {
        internal Node(WiredNode wired, ManualTime time, Authority[] closed)
        {
            Wired = wired;
            foreach (var authority in closed) Shards.CloseAsync(authority).GetAwaiter().GetResult();
            Notifier = new Notifier(new Nobody(), time, new SyncOptions(), 0);
            Board = new TypingBoard(Notifier, null!, Shards.Gates, time, new SyncOptions(), this, wired.Memories);
            wired.Handlers.Add(Board.Told!);

            // What was told to it while it began.
            foreach (var other in wired.Others) wired.Tell(other, NodeTellKind.TellMe, Array.Empty<byte>());
        }

        internal WiredNode Wired { get; }

        internal MovableShards Shards { get; } = new();

        internal Notifier Notifier { get; }

        internal TypingBoard Board { get; }

        internal List<(string, bool)> Seen { get; } = [];

        internal IReadOnlyList<string> Typing => Board.In(_kitchen.Nid);

        public void TypingChanged(RoomNid room, string userId, bool isTyping) => Seen.Add((userId, isTyping));
    }

    private sealed class Nobody : IStreamSource
    {
        public ValueTask<IReadOnlyList<MemberRoom>> RoomsAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult<IReadOnlyList<MemberRoom>>([]);

        public ValueTask<IReadOnlyList<string>> SharingWithAsync(string userId, CancellationToken stop) =>
            ValueTask.FromResult<IReadOnlyList<string>>([]);
    }
}
