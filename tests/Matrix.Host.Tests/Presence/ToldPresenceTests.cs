using Matrix.Core.Presence;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Shards;
using Matrix.Host.Users.Presence;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Presence;

/// <summary>Presence of users of other nodes.</summary>
internal sealed class ToldPresenceTests
{
    private static readonly TimeSpan _soon = TimeSpan.FromMilliseconds(200);
    private static readonly UserDevice _phone = new("@a:hs", "PHONE");
    private static readonly Authority _hers = Authority.User(_phone.UserId);

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
        (_owner, _other) = (Starts("owner"), Starts("other"));
        await _other.Shards.CloseAsync(_hers);
        IsOf(_owner);
    }

    [TearDown]
    public void TearDown() => _all.ForEach(static node => node.Board.Dispose());

    [Test]
    public void All_nodes_show_who_is_present_at_one()
    {
        var sync = _owner.Board.Sync(_phone, PresenceState.Online);
        Assert.That(_owner.Published(), Is.EqualTo(new[] { "@a:hs online active" }));
        _time.Advance(_soon);
        Assert.That(_other.Published(), Is.EqualTo(new[] { "@a:hs online active" }));
        _time.Advance(TimeSpan.FromMinutes(10));
        _owner.Published();
        _time.Advance(_soon);
        Assert.That(_other.Published(), Is.EqualTo(new[] { "@a:hs unavailable" }));

        sync.Dispose();
        _time.Advance(TimeSpan.FromSeconds(35));
        _owner.Published();
        _time.Advance(_soon);
        Assert.That(_other.Published(), Is.EqualTo(new[] { "@a:hs offline" }));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.That((_owner.Published().Count, _other.Published().Count), Is.EqualTo((0, 0)));
    }

    [Test]
    public void A_device_that_syncs_elsewhere_is_present_while_it_does()
    {
        var sync = _other.Board.Sync(_phone, PresenceState.Online);
        _time.Advance(_soon);
        Assert.That(_owner.Published(), Is.EqualTo(new[] { "@a:hs online active" }));
        _time.Advance(_soon);
        Assert.That(_other.Published(), Is.EqualTo(new[] { "@a:hs online active" }));
        Steps(TimeSpan.FromMinutes(4));
        Assert.That(_owner.Board.Find("@a:hs")!.State, Is.EqualTo(PresenceState.Online));

        sync.Dispose();
        Steps(TimeSpan.FromSeconds(25));
        Assert.That(_owner.Board.Find("@a:hs")!.IsPresent, Is.True);
        Steps(TimeSpan.FromSeconds(30));
        Assert.That(_owner.Board.Find("@a:hs")!.IsPresent, Is.False);
        Assert.That(_other.Board.Find("@a:hs")!.IsPresent, Is.False);
    }

    [Test]
    public void The_syncs_of_a_node_that_dies_end()
    {
        _ = _other.Board.Sync(_phone, PresenceState.Online);
        Steps(TimeSpan.FromSeconds(20));
        Assert.That(_owner.Board.Find("@a:hs")!.IsPresent, Is.True);
        _wires.Dies(_other.Wired);
        Steps(TimeSpan.FromSeconds(40));
        Assert.That(_owner.Board.Find("@a:hs")!.IsPresent, Is.False);
    }

    [Test]
    public void Syncs_of_one_device_at_many_nodes_in_turn_are_one_presence()
    {
        for (var n = 0; n < 20; n++)
        {
            using (_all[n % 2].Board.Sync(_phone, PresenceState.Online)) Steps(TimeSpan.FromSeconds(10));
        }

        Assert.That(_owner.Shown, Is.EqualTo(new[] { "@a:hs online active", "@a:hs online" }));
        Assert.That(_other.Shown, Is.EqualTo(new[] { "@a:hs online active", "@a:hs online" }));
    }

    [Test]
    public void Who_was_told_of_by_a_node_that_is_gone_is_offline_after_a_while()
    {
        _ = _owner.Board.Sync(_phone, PresenceState.Online);
        Steps(TimeSpan.FromSeconds(1));
        _wires.Dies(_owner.Wired);
        _time.Advance(TimeSpan.FromSeconds(25));
        Assert.That(_other.Board.Find("@a:hs")!.IsPresent, Is.True);
        _time.Advance(TimeSpan.FromSeconds(6));
        Assert.That(_other.Board.Find("@a:hs")!.IsPresent, Is.False);
        Assert.That(_other.Published(), Is.EqualTo(new[] { "@a:hs offline" }));
    }

    [Test]
    public void The_node_that_takes_over_a_dead_one_shows_no_gap()
    {
        _ = _owner.Board.Sync(_phone, PresenceState.Online);
        Steps(TimeSpan.FromSeconds(1));
        _wires.Dies(_owner.Wired);
        _other.Shards.Open(_hers);
        IsOf(_other);
        _ = _other.Board.Sync(_phone, PresenceState.Online);
        Steps(TimeSpan.FromMinutes(1));
        Assert.That(_other.Shown, Has.None.Contains("offline"));
        Assert.That(_other.Board.Find("@a:hs")!.IsPresent, Is.True);
    }

    [Test]
    public async Task A_user_whose_shard_moves_stays_present_everywhere_while_a_device_syncs()
    {
        var third = Starts("third");
        await third.Shards.CloseAsync(_hers);
        IsOf(_owner);
        var sync = _owner.Board.Sync(_phone, PresenceState.Online);
        Steps(TimeSpan.FromSeconds(1));
        await _owner.Shards.CloseAsync(_hers);
        _other.Shards.Open(_hers);
        IsOf(_other);
        Steps(TimeSpan.FromMinutes(3));
        Assert.That(_all.Select(static node => node.Board.Find("@a:hs")!.IsPresent), Has.All.True);
        Assert.That(_all.SelectMany(static node => node.Shown), Has.None.Contains("offline"));

        sync.Dispose();
        Steps(TimeSpan.FromMinutes(1));
        Assert.That(_all.Select(static node => node.Board.Find("@a:hs")!.IsPresent), Has.All.False);
    }

    [Test]
    public void Users_whose_end_was_not_told_are_offline_after_the_next_repetition()
    {
        _owner.Board.Sync(_phone, PresenceState.Online).Dispose();
        Steps(TimeSpan.FromSeconds(1));
        _wires.IsCut = true;
        Steps(TimeSpan.FromSeconds(40));
        _wires.IsCut = false;
        Assert.That((_owner.Board.Find("@a:hs")!.IsPresent, _other.Board.Find("@a:hs")!.IsPresent),
            Is.EqualTo((false, true)));
        Steps(TimeSpan.FromSeconds(31));
        Assert.That(_other.Board.Find("@a:hs")!.IsPresent, Is.False);
    }

    [Test]
    public async Task A_new_node_gets_those_who_are_present()
    {
        _ = _owner.Board.Sync(_phone, PresenceState.Online);
        Steps(TimeSpan.FromSeconds(1));
        var third = Starts("third");
        await third.Shards.CloseAsync(_hers);
        third.Asks();
        Assert.That(third.Board.Find("@a:hs")!.IsPresent, Is.True);
    }

    [Test]
    public void Malformed_bytes_are_ignored()
    {
        byte[][] malformed = [[], [0xff], [0x85, 1, 1, 0, 0, 0x82, 0x61, 0x37, 0x41, 0xff], [0x83, 0x61, 0x37, 1, 2]];
        foreach (var bytes in malformed)
        {
            _owner.Wired.OnTold(_other.Wired.Self, NodeTellKind.Presence, bytes);
            _owner.Wired.OnTold(_other.Wired.Self, NodeTellKind.Syncing, bytes);
        }

        Assert.That(_owner.Board.Count, Is.Zero);
    }

    /// <summary>Time passes, and what changes is shown.</summary>
    private void Steps(TimeSpan time)
    {
        var step = TimeSpan.FromSeconds(0.5);
        for (var passed = TimeSpan.Zero; passed < time; passed += step)
        {
            _time.Advance(step);
            foreach (var node in _all) node.Published();
        }
    }

    /// <summary>All nodes learn who has the shard.</summary>
    private void IsOf(Node owner)
    {
        foreach (var node in _all) node.Owns(owner.Wired);
    }

    private Node Starts(string name)
    {
        var node = new Node(_wires.Starts(name, _time), _time);
        _all.Add(node);
        return node;
    }

    private sealed class Node
    {
        private readonly ShardOwners _owners;
        private long _position;

        internal Node(WiredNode wired, ManualTime time)
        {
            Wired = wired;
            _owners = new ShardOwners(new NodeShards(ShardOwner.Nobody, Shards.Gates, null!), null!);
            Board = new PresenceBoard(Shards.Gates, new PresenceOptions(), time, _owners, wired, wired.Memories);
            wired.Handlers.Add(Board.Told!);
            wired.Handlers.Add(new SyncingHandler(Board, NullLogger<SyncingHandler>.Instance));
            Asks();
        }

        internal WiredNode Wired { get; }

        internal MovableShards Shards { get; } = new();

        internal PresenceBoard Board { get; }

        /// <summary>All that was shown.</summary>
        internal List<string> Shown { get; } = [];

        internal void Asks()
        {
            foreach (var other in Wired.Others) Wired.Tell(other, NodeTellKind.TellMe, Array.Empty<byte>());
        }

        internal void Owns(WiredNode owner)
        {
            var now = new ShardOwner(owner.Self.Node, owner.Self.Incarnation);
            _owners.OnChange(new ShardMoved(_hers.Shard, ShardOwner.Nobody, now), ++_position);
        }

        /// <summary>What is shown now.</summary>
        internal List<string> Published()
        {
            Board.Learn(Board.WithoutStatus(), new Dictionary<string, string>());
            List<string> shown =
            [
                .. Board.Take().Where(static each => !each.IsRepeated).Select(each => Board.Find(each.UserId)!)
                    .Select(static seen => $"{seen.UserId} {PresenceStates.Name(seen.State)}"
                        + (seen.IsCurrentlyActive ? " active" : "")),
            ];
            Shown.AddRange(shown);
            return shown;
        }
    }
}
