using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>A staged event that the storage refuses: it is given up, and harms no other.</summary>
public sealed class UnstorableEventTests
{
    private const string Refused = "refused";

    private PeerServer _peer = null!;
    private InProcessServer _server = null!;
    private LocalUser _alice = null!;
    private RefusingWriter _writer = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _server = await InProcessServer.StartAsync(
            services => services.AddSingleton(parts =>
            {
                _writer = new RefusingWriter(parts.GetRequiredService<IStorage>().Writer);
                return new LaneDirectory(
                    parts.GetRequiredService<LaneLoader>(),
                    parts.GetRequiredService<FactsReader>(),
                    parts.GetRequiredService<RoomResolutions>(),
                    _writer,
                    parts.GetRequiredService<RoomsOptions>());
            }),
            ("federation.decided_at_once", "2"));
        _server.Knows(_peer.Peer);
        _alice = await LocalUser.RegisterAsync(_server, "alice");
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
        var first = Enumerable.Range(1, 4).Select(n => room.Say("bob", $"{n}")).ToArray();
        var fork = room.Latest;
        var refused = room.Say("bob", Refused);
        room.Latest = fork;
        var last = Enumerable.Range(5, 4).Select(n => room.Say("bob", $"{n}")).ToArray();

        (await room.SendAsync(_server, "all", [.. first, refused, .. last])).Is(200);

        await Until.HoldsAsync(async () => (await BodiesAsync()).Length == 8);
        var storage = _server.Services.GetRequiredService<IStorage>();
        await Until.HoldsAsync(async () => (await storage.StagedEvents.RoomsAsync(CancellationToken.None)).Count == 0);
        var nid = (await storage.Rooms.FindAsync(room.RoomId, CancellationToken.None))!.Identity.Nid;
        var givenUp = await storage.StagedEvents.GivenUpAsync(nid, 10, CancellationToken.None);
        Assert.That(givenUp.Select(each => each.EventId), Is.EqualTo(new[] { refused.EventId }));
        Assert.That(await BodiesAsync(), Is.EqualTo(Enumerable.Range(1, 8).Select(n => $"{n}")));

        var attempts = _writer.Attempts;
        Assert.That(attempts, Is.InRange(1, 6), "with others, with all that are staged, and alone");
        (await room.SendAsync(_server, "end", room.Say("bob", "9"))).Is(200);
        await Until.HoldsAsync(async () => (await BodiesAsync()).Length == 9);
        Assert.That(_writer.Attempts, Is.EqualTo(attempts));

        async Task<string[]> BodiesAsync() =>
        [
            .. (await _alice.TimelineAsync(room.RoomId))
                .Where(each => (string?)each["type"] == "m.room.message")
                .Select(each => (string?)each["content"]!["body"] ?? ""),
        ];
    }

    private async Task<PeerRoom> JoinedAsync()
    {
        var roomId = await _alice.CreateRoomAsync("11");
        return _peer.Rooms[roomId] = await PeerRoom.JoinAsync(_server, _peer.Peer, roomId, "bob");
    }

    /// <summary>A writer that refuses batches with a certain message.</summary>
    private sealed class RefusingWriter(IStorageWriter writer) : IStorageWriter
    {
        private int _attempts;

        public int Attempts => Volatile.Read(ref _attempts);

        public long PublishedPosition => writer.PublishedPosition;

        public ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop)
        {
            var events = batch.Changes.OfType<EventsAppended>().SelectMany(appended => appended.Events);
            if (!events.Any(each => IsRefused(each.Pdu))) return writer.WriteAsync(batch, stop);
            Interlocked.Increment(ref _attempts);
            throw new StorageException(StorageFailure.Rejected, "The test refuses this write.");
        }

        public void Post(WriteBatch batch) => writer.Post(batch);

        public void AddConsumer(IChangeConsumer consumer) => writer.AddConsumer(consumer);

        private static bool IsRefused(Pdu pdu) =>
            pdu.Type == "m.room.message"
            && PeerRoom.Json(pdu).ToJsonString().Contains(Refused, StringComparison.Ordinal);
    }
}
