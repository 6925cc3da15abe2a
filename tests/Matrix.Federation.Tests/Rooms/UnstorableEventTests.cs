using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>An event that the storage refuses: it is given up, and harms no other.</summary>
public sealed class UnstorableEventTests
{
    private const string Refused = "refused";

    private PeerServer _peer = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private RefusingWriter _writer = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _server = await TestServer.StartWithKnownKeysAsync(
            services => services.AddSingleton(parts =>
            {
                _writer = new RefusingWriter(parts.GetRequiredService<OpenedStorage>().Writer);
                return new LaneDirectory(
                    parts.GetRequiredService<LaneLoader>(),
                    parts.GetRequiredService<LookUpReader>(),
                    parts.GetRequiredService<RoomResolutions>(),
                    parts.GetRequiredService<OpenRequests>(),
                    _writer,
                    parts.GetRequiredService<ShardGates>(),
                    parts.GetRequiredService<RoomsOptions>());
            }),
            ("federation.decided_at_once", "2"));
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task It_is_given_up_and_the_others_of_its_transaction_are_shown()
    {
        var room = await JoinedAsync();
        var first = Enumerable.Range(1, 4).Select(n => room.Says("bob", $"{n}")).ToArray();
        var fork = room.Latest;
        var refused = room.Says("bob", Refused);
        room.Latest = fork;
        var last = Enumerable.Range(5, 4).Select(n => room.Says("bob", $"{n}")).ToArray();

        (await room.SendAsync(_server, "all", [.. first, refused, .. last])).Is(200);

        await Until.HoldsAsync(async () => (await BodiesAsync(room)).Length == 8);
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        await Until.HoldsAsync(async () => (await storage.StagedEvents.RoomsAsync(CancellationToken.None)).Count == 0);
        var nid = (await storage.Rooms.FindAsync(room.RoomId, CancellationToken.None))!.Identity.Nid;
        var givenUp = await storage.StagedEvents.GivenUpAsync(nid, 10, CancellationToken.None);
        Assert.That(givenUp.Select(each => each.EventId), Is.EqualTo(new[] { refused.EventId }));
        Assert.That(await BodiesAsync(room), Is.EqualTo(Enumerable.Range(1, 8).Select(n => $"{n}")));

        var attempts = _writer.Attempts;
        Assert.That(attempts, Is.InRange(1, 3), "with others, and alone; once more if a further session was under way");
        (await room.SendAsync(_server, "end", room.Says("bob", "9"))).Is(200);
        await Until.HoldsAsync(async () => (await BodiesAsync(room)).Length == 9);
        Assert.That(_writer.Attempts, Is.EqualTo(attempts));
    }

    [Test]
    public async Task A_fetched_one_is_given_up_and_what_follows_it_is_decided_on_the_state_of_its_server()
    {
        var room = await JoinedAsync();
        var said = new[] { "1", "2", Refused, "3", "4" }.Select(body => room.Says("bob", body)).ToArray();

        (await room.SendAsync(_server, "last", room.Says("bob", "5"))).Is(200);

        // After a gap, a timeline begins below it.
        await Until.HoldsAsync(async () => (await BodiesAsync(room)).SequenceEqual(["3", "4", "5"]));
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        await Until.HoldsAsync(async () => (await storage.StagedEvents.RoomsAsync(CancellationToken.None)).Count == 0);
        var isHere = new List<bool>();
        foreach (var each in said)
        {
            isHere.Add((await storage.Events.FindAnywhereAsync(each.EventId, 1, CancellationToken.None)).Count == 1);
        }

        Assert.That(isHere, Is.EqualTo(new[] { true, true, false, true, true }));
        Assert.That(_writer.Attempts, Is.EqualTo(2), "once with the usual bounds, and once more alone");
    }

    [Test]
    public async Task Many_in_a_row_are_given_up_one_after_the_other_and_what_waits_behind_them_is_shown()
    {
        var room = await JoinedAsync();
        var first = room.Says("bob", "first");
        var fork = room.Latest;
        var refused = Enumerable.Range(1, 12).Select(n =>
        {
            room.Latest = fork;
            return room.Says("bob", $"{Refused} {n}");
        }).ToArray();
        room.Latest = fork;

        (await room.SendAsync(_server, "all", [first, .. refused, room.Says("bob", "last")])).Is(200);

        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        await Until.HoldsAsync(async () => (await storage.StagedEvents.RoomsAsync(CancellationToken.None)).Count == 0);
        Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "first", "last" }));
        var nid = (await storage.Rooms.FindAsync(room.RoomId, CancellationToken.None))!.Identity.Nid;
        var givenUp = await storage.StagedEvents.GivenUpAsync(nid, 20, CancellationToken.None);
        Assert.That(
            givenUp.Select(each => each.EventId), Is.EquivalentTo(refused.Select(static each => each.EventId)));
    }

    [Test]
    public async Task After_it_the_room_decides_in_steps_again()
    {
        var room = await JoinedAsync();
        var fork = room.Latest;
        var refused = room.Says("bob", Refused);
        room.Latest = fork;
        var response = (await room.SendAsync(_server, "refused", refused)).Is(200).Json;
        Assert.That((string?)response["pdus"]![refused.EventId]!["error"], Is.EqualTo("NotStored"));
        Assert.That(_writer.Attempts, Is.EqualTo(2), "once with the usual bounds, and once more alone");

        for (var n = 1; n <= 21; n++)
        {
            var said = Enumerable.Range(1, 50).Select(_ => room.Says("bob", $"{n}")).ToArray();
            (await room.SendAsync(_server, $"{n}", said)).Is(200);
        }

        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        await Until.HoldsAsync(async () => (await storage.StagedEvents.RoomsAsync(CancellationToken.None)).Count == 0);
        Assert.That(await BodiesAsync(room), Has.All.EqualTo("21"));
        var batches = _writer.Received;
        Assert.That(batches, Is.AtLeast(1_000), "each in a batch of its own");
        (await room.SendAsync(_server, "end", room.Says("bob", "a"), room.Says("bob", "b"))).Is(200);
        Assert.That(_writer.Received, Is.EqualTo(batches + 1), "both in one batch");
    }

    private async Task<string[]> BodiesAsync(PeerRoom room) =>
    [
        .. (await _alice.TimelineAsync(room.RoomId))
            .Where(each => (string?)each["type"] == "m.room.message")
            .Select(each => (string?)each["content"]!["body"] ?? ""),
    ];

    private async Task<PeerRoom> JoinedAsync()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        return _peer.Rooms[roomId] = await _peer.Peer.JoinsAsync(_server, roomId, "bob");
    }

    /// <summary>A writer that refuses batches with a certain message.</summary>
    private sealed class RefusingWriter(IStorageWriter writer) : IStorageWriter
    {
        private int _attempts;
        private int _received;
        private EventsAppended? _first;

        /// <summary>The refused batches.</summary>
        public int Attempts => Volatile.Read(ref _attempts);

        /// <summary>The written batches with messages.</summary>
        public int Received => Volatile.Read(ref _received);

        public long PublishedPosition => writer.PublishedPosition;

        public ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop)
        {
            var appended = batch.Changes.OfType<EventsAppended>().ToArray();
            var messages = appended
                .SelectMany(each => each.Events).Where(each => each.Pdu.Type == "m.room.message").ToArray();
            if (messages.Any(each => IsRefused(each.Pdu)))
            {
                Interlocked.Increment(ref _attempts);

                // An event that is there already: the storage refuses the whole batch.
                batch.Add(_first!);
            }
            else if (messages.Length > 0)
            {
                Interlocked.Increment(ref _received);
            }

            _first ??= appended.FirstOrDefault();
            return writer.WriteAsync(batch, stop);
        }

        public void Post(WriteBatch batch) => writer.Post(batch);

        public void AddConsumer(IChangeConsumer consumer) => writer.AddConsumer(consumer);

        private static bool IsRefused(Pdu pdu) =>
            PeerRoom.Json(pdu).ToJsonString().Contains(Refused, StringComparison.Ordinal);
    }
}
