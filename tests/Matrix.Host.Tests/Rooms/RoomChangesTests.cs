using System.Text;
using Matrix.Core.Json;
using Matrix.Host.Metrics;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.ToDevice;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Room changes, read after the commit and read again from storage.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class RoomChangesTests(string kind)
{
    private const string Inbox = "@inbox:one.test";
    private static readonly RoomsOptions _options = new() { ServerName = RoomsWorld.Server, ChangesPerPage = 4 };
    private RoomsWorld _world = null!;

    [SetUp]
    public async Task Starts()
    {
        _world = await RoomsWorld.StartsAsync(kind);
        await _world.Storage.Writer.WriteAsync(Batches.New().Add(new DeviceAdded(Inbox, "DEVICE", null)), default);
    }

    [TearDown]
    public async Task Stops() => await _world.DisposeAsync();

    [TestCase(1)]
    [TestCase(2)]
    [TestCase(3)]
    public async Task From_any_position_the_same_changes_are_read_again_as_after_the_commit(int seed)
    {
        var live = new Recorder();
        _world.Storage.Writer.AddConsumer(live);
        await LivesAsync(new Random(seed), 40);

        var positions = live.Read.Select(each => each.Position).Distinct().Prepend(0).ToList();
        foreach (var from in positions)
        {
            Assert.That(
                (await ReadAgainAsync(from)).Select(change => Text(change.Position, change.Change)),
                Is.EqualTo(live.Read.Where(each => each.Position > from).Select(each => each.Text)),
                $"from {from}");
        }
    }

    [TestCase(1)]
    [TestCase(2)]
    public async Task A_durable_consumer_that_is_stopped_anywhere_handles_every_change_once(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 4; round++)
        {
            await using (var follower = new ChangeFollower(
                new Forwarder(random.Next()),
                Reader(),
                _world.Storage.Consumers,
                _world.Storage.Writer,
                _options with { LongestConsumerPause = TimeSpan.Zero },
                TimeProvider.System))
            {
                follower.Start();
                await LivesAsync(random, 8);

                // Three of four times it is stopped at a random point.
                var last = _world.Storage.Writer.PublishedPosition;
                if (round == 3) Assert.That(() => follower.Through, Is.GreaterThanOrEqualTo(last).After(20_000, 20));
            }

            await _world.RestartsAsync();
        }

        var expected = (await ReadAgainAsync(0))
            .Sum(change => change.Change is EventsAppended appended ? appended.Events.Count : 0);
        var forwarded = await _world.Storage.ToDevice.OfDeviceAsync(Inbox, "DEVICE", 0, long.MaxValue, 9_999, default);
        var ids = forwarded.Select(message => Encoding.UTF8.GetString(message.Json.Span)).ToList();
        Assert.That(ids, Has.Count.EqualTo(expected).And.Unique);
        Assert.That(
            ids,
            Is.EqualTo((await ReadAgainAsync(0)).Select(change => change.Change).OfType<EventsAppended>()
                .SelectMany(appended => appended.Events).Select(stored => $"\"{stored.EventId}\"")));
    }

    [Test]
    public async Task A_failure_of_a_durable_consumer_is_counted_and_the_changes_come_again()
    {
        using var page = new MetricsPage();
        var consumer = new FailsOnce();
        await using var follower = new ChangeFollower(
            consumer,
            Reader(),
            _world.Storage.Consumers,
            _world.Storage.Writer,
            _options with { LongestConsumerPause = TimeSpan.Zero },
            TimeProvider.System);
        follower.Start();
        await LivesAsync(new Random(1), 4);

        Assert.That(() => consumer.Handled, Is.GreaterThan(0).After(20_000, 20));
        Assert.That(
            page.Write(), Does.Match($@"(?m)^matrix_consumer_failures_total\{{consumer=""{consumer.Name}""\}} 1$"));
    }

    private RoomChangesReader Reader() => new(
        _world.Storage.Rooms,
        _world.Storage.Events,
        _world.Storage.Writer,
        _world.Rooms.Events,
        _world.Rooms.States,
        _options);

    private async Task<List<RoomChange>> ReadAgainAsync(long from)
    {
        var all = new List<RoomChange>();
        while (true)
        {
            var page = await Reader().AfterAsync(from, default);
            all.AddRange(page.Changes);
            if (page.Changes.Count == 0) return all;
            from = page.Through;
        }
    }

    /// <summary>Random concurrent requests: create, join, leave, send, set state, redact.</summary>
    private async Task LivesAsync(Random random, int acts)
    {
        string[] people = ["alice", "bob", "carol"];
        var rooms = new List<string> { await _world.CreatesRoomAsync("alice"), await _world.CreatesRoomAsync("alice") };
        var said = new List<(string Room, string EventId)>();
        for (var i = 0; i < acts; i++)
        {
            var who = people[random.Next(people.Length)];
            var room = rooms[random.Next(rooms.Count)];
            switch (random.Next(7))
            {
                case 0:
                    await _world.JoinsAsync(who, room);
                    break;
                case 1 when who != "alice":
                    await _world.Rooms.Memberships.LeaveAsync(RoomsWorld.Id(who), room, null, default);
                    break;
                case 2:
                    await _world.SetsAsync("alice", room, "m.room.topic", "", ("topic", Json.Of($"topic {i}")));
                    break;
                case 3 when said.Count > 0:
                    var (where, eventId) = said[random.Next(said.Count)];
                    await _world.RedactsAsync("alice", where, eventId);
                    break;
                case 4 when rooms.Count < 5:
                    rooms.Add(await _world.CreatesRoomAsync("alice"));
                    break;
                default:
                    var all = await Task.WhenAll(
                        Enumerable.Range(0, 3)
                            .Select(n => _world.SaysAsync("alice", rooms[n % rooms.Count], $"{i} {n}")));
                    said.AddRange(all.Select((result, n) => (rooms[n % rooms.Count], result.Value!)));
                    break;
            }
        }
    }

    /// <summary>
    /// A change in one line, without contents and headers: a later read returns their current values.
    /// </summary>
    private static string Text(long position, Change change) => $"{position} " + change switch
    {
        RoomCreated created => $"created {created.Room.RoomId} by {created.Creator}",
        EventsAppended appended => $"{appended.Room.RoomId} " + string.Join(' ', appended.Events.Select(stored =>
            $"{stored.Nid} {stored.EventId} {stored.Row.Step} {stored.Row.Position} {stored.Pdu.Type}")),
        EventRedacted redacted => $"{redacted.Nid} redacted by {redacted.By}",
        StateChanged changed => $"{changed.Room} {changed.Parent} {changed.Step} "
            + $"{Convert.ToHexString(changed.DeltaBytes.Span)} {Convert.ToHexString(changed.After!.Root.Span)}",
        MembershipChanged membership => membership.ToString()
            + $" {membership.Room} {membership.UserId} {membership.Before} {membership.After}"
            + $" {membership.Event} {membership.IsLocal}",
        _ => throw new ArgumentException("It is no change of a room that is read again.", nameof(change)),
    };

    private sealed class Recorder : IChangeConsumer
    {
        public List<(long Position, string Text)> Read { get; } = [];

        public void OnChange(Change change, long position)
        {
            if (change is RoomCreated or EventsAppended or EventRedacted or StateChanged or MembershipChanged)
                Read.Add((position, Text(position, change)));
        }

        public void Missed(long through) => throw new InvalidOperationException("The recorder cannot miss anything.");
    }

    /// <summary>Fails at its first attempt.</summary>
    private sealed class FailsOnce : IDurableConsumer
    {
        private int _attempts;
        private int _handled;

        internal int Handled => Volatile.Read(ref _handled);

        /// <summary>Of this test alone: the counter is that of the process, and tests run side by side.</summary>
        public string Name { get; } = $"fails-once-{Guid.NewGuid():N}";

        public bool BeginsNow => false;

        public ValueTask HandleAsync(RoomChanges changes, WriteBatch batch, CancellationToken stop)
        {
            if (_attempts++ == 0) throw new InvalidOperationException("The first attempt fails.");
            Interlocked.Add(ref _handled, changes.Changes.Count);
            return ValueTask.CompletedTask;
        }
    }

    /// <summary>Sends the id of each event to a device; fails now and then, before or after its write.</summary>
    private sealed class Forwarder(int seed) : IDurableConsumer
    {
        private readonly Random _random = new(seed);

        public string Name => "forwarder";

        public bool BeginsNow => false;

        public ValueTask HandleAsync(RoomChanges changes, WriteBatch batch, CancellationToken stop)
        {
            if (_random.Next(4) == 0) throw new InvalidOperationException("Now and then it fails.");
            foreach (var (_, change) in changes.Changes)
            {
                if (change is not EventsAppended appended) continue;
                foreach (var stored in appended.Events)
                    batch.Add(new ToDeviceSent(Inbox, "DEVICE", Encoding.UTF8.GetBytes($"\"{stored.EventId}\"")));
            }

            return ValueTask.CompletedTask;
        }
    }
}
