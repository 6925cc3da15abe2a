using Matrix.Core.Federation;
using Matrix.Host.Network;
using Matrix.Host.Outbound;
using Matrix.Host.Outbound.Federation;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Tests.Rooms;
using Microsoft.Extensions.Logging.Abstractions;

namespace Matrix.Host.Tests.Outbound;

/// <summary>The destinations of events.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class DistributorTests(string kind)
{
    private static readonly RoomNid _room = new(1_000_000);
    private static readonly OutboundOptions _options = new() { ServerName = RoomsWorld.Server };
    private static readonly NetworkOptions _network = new() { ServerName = RoomsWorld.Server };
    private static readonly string[] _denied = ["denied.test"];

    private RoomsWorld _world = null!;
    private Destinations _destinations = null!;
    private RoomServers _rooms = null!;
    private Distributor _distributor = null!;
    private OutboundEventFeed _feed = null!;
    private ManualTime _time = null!;
    private long _position;
    private uint _ordinal;

    [SetUp]
    public async Task Starts()
    {
        _world = await RoomsWorld.StartsAsync(kind);
        var storage = _world.Storage;
        _time = new ManualTime();
        var (events, states) = (_world.Rooms.Events, _world.Rooms.States);
        var services = new DestinationServices(
            _options,
            new TransactionSender(null!, events, storage.Events, _time),
            new EduSources([]),
            new OutboundMetrics(),
            storage.Writer,
            ShardGates.AlwaysOpen,
            _network,
            _time,
            NullLogger<DestinationServices>.Instance);

        // The queue is not started: nothing is sent.
        _destinations = new Destinations(
            new SendQueue(1, 1, TimeSpan.FromSeconds(5), new StorageLevel(), _time), services, storage.Events,
            storage.Destinations);
        foreach (var shard in ShardGates.All) _destinations.Shards.Begin(shard, after: 0);
        var reader = new RoomChangesReader(
            storage.Rooms,
            storage.Events,
            storage.Writer,
            events,
            states,
            new RoomsOptions { ServerName = RoomsWorld.Server });
        _feed = new OutboundEventFeed(reader, storage.Writer, _options);
        _rooms = new RoomServers(
            storage.Rooms, storage.Memberships, events, states, new ServerFilter([], _denied), _options);
        _distributor = new Distributor(_rooms, _destinations, _feed);
        (_position, _ordinal) = (0, EventNid.FirstLiveOrdinal);
    }

    [TearDown]
    public async Task Stops()
    {
        _feed.Dispose();
        await _world.DisposeAsync();
    }

    [Test]
    public async Task Servers_joined_before_or_after_a_batch_get_its_events()
    {
        await Happens(2);
        Assert.That(Pending("two.test"), Is.Zero);

        await Happens(1, Changes("@bob:two.test", null, Membership.Join));
        await Happens(2);
        Assert.That(Pending("two.test"), Is.EqualTo(3));

        await Happens(1, Changes("@carol:two.test", null, Membership.Join));
        await Happens(1, Changes("@bob:two.test", Membership.Join, Membership.Leave));
        await Happens(1);
        Assert.That(Pending("two.test"), Is.EqualTo(6));

        await Happens(1, Changes("@carol:two.test", Membership.Join, Membership.Ban));
        await Happens(5);
        Assert.That(Pending("two.test"), Is.EqualTo(7));
    }

    [TestCase(null, Membership.Invite, 0)]
    [TestCase(Membership.Invite, Membership.Invite, 0)]
    [TestCase(Membership.Knock, Membership.Invite, 0)]
    [TestCase(Membership.Knock, Membership.Leave, 1)]
    [TestCase(Membership.Knock, Membership.Ban, 1)]
    [TestCase(Membership.Invite, Membership.Leave, 1)]
    [TestCase(Membership.Invite, Membership.Ban, 1)]
    [TestCase(null, Membership.Ban, 0)]
    [TestCase(Membership.Leave, Membership.Ban, 0)]
    [TestCase(Membership.Ban, Membership.Leave, 0)]
    public async Task The_server_of_a_user_gets_what_ends_an_invite_or_a_knock(
        Membership? before, Membership after, int pending)
    {
        await Happens(3, Changes("@bob:two.test", before, after));
        await Happens(1);

        Assert.That(Pending("two.test"), Is.EqualTo(pending));
    }

    [Test]
    public async Task A_server_does_not_get_its_own_event_back()
    {
        await Happens(0, Changes("@carol:three.test", null, Membership.Join));
        var join = Next();
        await HandleAsync(
            [new OutboundEvent(join, "two.test")],
            [new MembershipChanged(_room, "@bob:two.test", null, Membership.Join, join, false)]);

        Assert.That((Pending("two.test"), Pending("three.test")), Is.EqualTo((0, 1)));
    }

    [Test]
    public async Task Excluded_and_malformed_servers_and_this_one_get_nothing()
    {
        await Happens(
            1,
            Changes("@bob:denied.test", null, Membership.Join),
            Changes("@bob:no server", null, Membership.Join),
            Changes("@bob:" + RoomsWorld.Server, null, Membership.Join),
            Changes("@bob", null, Membership.Join));
        await Happens(1);

        Assert.That(_destinations.Count, Is.Zero);
    }

    /// <summary>Counted again for each batch, a sender that is behind a busy server would never catch up.</summary>
    [Test]
    public async Task A_local_room_is_counted_once_while_changes_are_read_and_forgotten_when_they_are_skipped()
    {
        await Happens(1);
        Assert.That(_rooms.CachedBytes, Is.GreaterThan(0));

        using var stop = new CancellationTokenSource();
        var following = _feed.RunAsync(0, stop.Token);
        await Until.HoldsAsync(async () =>
        {
            await Happens(1);
            return _rooms.CachedBytes == 0;
        });
        await stop.CancelAsync();
        Assert.That(async () => await following, Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task Nothing_wakes_a_server_that_owes_nothing()
    {
        using var stop = new CancellationTokenSource();
        using var recorder = new Recorder(
            _feed,
            _destinations,
            new ShardedPosition(
                "federation", _world.Storage.NodeShards, _world.Storage.Consumers, _world.Storage.ShardPositions),
            _world.Storage.Writer,
            new OutboundMetrics(),
            _options,
            _time);
        await recorder.LoadAsync(default);
        var others = _time.Timers;
        var running = recorder.RunAsync(stop.Token);
        _time.Advance(_options.RecordInterval);
        Assert.That(() => _time.Timers, Is.EqualTo(others).After(10_000, 10));

        await Happens(1, Changes("@bob:two.test", null, Membership.Join));
        await Happens(1);
        Assert.That(_destinations.IsUnrecorded, Is.True);
        Assert.That(_time.Timers, Is.GreaterThan(others), "what is pending is to be recorded");
        await stop.CancelAsync();
        Assert.That(async () => await running, Throws.InstanceOf<OperationCanceledException>());
    }

    private int Pending(string server) => _destinations.Find(server)?.Pending ?? 0;

    private EventNid Next() => EventNid.Of(_room, ++_ordinal);

    private static Func<EventNid, MembershipChanged> Changes(string user, Membership? before, Membership after) =>
        nid => new MembershipChanged(_room, user, before, after, nid, false);

    /// <summary>A batch with so many events of this server; the first one changes the memberships.</summary>
    private async Task Happens(int events, params Func<EventNid, MembershipChanged>[] changes)
    {
        EventNid[] nids = [.. Enumerable.Range(0, Math.Max(events, 1)).Select(_ => Next())];
        await HandleAsync(
            [.. nids.Take(events).Select(nid => new OutboundEvent(nid, null))],
            [.. changes.Select(change => change(nids[0]))]);
    }

    private ValueTask HandleAsync(IReadOnlyList<OutboundEvent> events, IReadOnlyList<MembershipChanged> changes) =>
        _distributor.HandleAsync(new OutboundBatch(_room, ++_position, events, changes), default);
}
