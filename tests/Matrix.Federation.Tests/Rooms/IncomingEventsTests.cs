using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>A server with a local user, and a peer that sends events and serves those that are missing.</summary>
public abstract class IncomingEventsTests
{
    private int _transactions;

    private protected PeerServer Peer { get; private set; } = null!;

    private protected TestServer Server { get; private set; } = null!;

    private protected TestUser Alice { get; private set; } = null!;

    private protected OpenedStorage Storage => Server.Services.GetRequiredService<OpenedStorage>();

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        Peer = await PeerServer.StartAsync();
        Server = await TestServer.StartWithKnownKeysAsync();
        Server.Knows(Peer.Peer);
        Alice = await Server.RegistersAsync("alice");
    }

    [SetUp]
    public void SetUp() => (Peer.Answers, Peer.HasMissing, Peer.HasEvents) = (true, true, true);

    [OneTimeTearDown]
    public async Task TearDownAsync()
    {
        await Server.DisposeAsync();
        await Peer.DisposeAsync();
    }

    /// <summary>The id of a transaction.</summary>
    private protected string Next() => $"next{++_transactions}";

    /// <summary>A room with Alice, and with Bob of the peer.</summary>
    private protected async Task<PeerRoom> JoinedAsync(
        string version = "11", bool powerful = false, string? others = null)
    {
        var roomId = await Alice.CreatesRoomAsync(version: version);
        if (powerful)
        {
            var levels = (await Alice.GetAsync($"rooms/{Escape(roomId)}/state/m.room.power_levels/")).Is(200).Json;
            levels["users"]![$"@bob:{Peer.Peer.Name}"] = others is null ? 100 : 50;
            if (others is not null) levels["users"]![$"@{others}:{Peer.Peer.Name}"] = 100;
            await Alice.SetsAsync(roomId, "m.room.power_levels", levels);
        }

        var room = await Peer.Peer.JoinsAsync(Server, roomId, "bob");
        Peer.Rooms[roomId] = room;
        return room;
    }

    /// <summary>The peer sends events, and none gets an error.</summary>
    private protected async Task SendAsync(PeerRoom room, params Pdu[] pdus)
    {
        var reply = (await room.SendAsync(Server, Next(), pdus)).Is(200).Json["pdus"]!.AsObject();
        Assert.That(reply.Select(each => each.Value!.ToJsonString()), Is.All.EqualTo("{}"));
    }

    /// <summary>The texts that Alice sees.</summary>
    private protected async Task<string[]> BodiesAsync(PeerRoom room) =>
        [.. (await Alice.TimelineAsync(room.RoomId))
            .Where(each => (string?)each["type"] == "m.room.message")
            .Select(each => (string?)each["content"]!["body"] ?? "")];

    private protected Task EventuallyAsync(PeerRoom room, string[] bodies) =>
        EventuallyAsync(room, shown => shown.SequenceEqual(bodies));

    private protected Task EventuallyAsync(PeerRoom room, Predicate<string[]> holds) =>
        EventuallyAsync(room, async () => holds(await BodiesAsync(room)));

    private protected async Task EventuallyAsync(PeerRoom room, Func<Task<bool>> holds)
    {
        for (var attempt = 0; attempt < 200; attempt++)
        {
            if (await holds()) return;
            await Task.Delay(100);
        }

        Assert.Fail($"The timeline is {string.Join(", ", await BodiesAsync(room))}.\n{Server.Log}");
    }

    private protected async Task<StoredEvent> StoredAsync(PeerRoom room, string eventId)
    {
        var row = (await Storage.Events.FindAnywhereAsync(eventId, 1, CancellationToken.None)).Single();
        var identity = (await Storage.Rooms.FindAsync(row.Nid.Room, CancellationToken.None))!.Identity;
        Assert.That(identity.RoomId, Is.EqualTo(room.RoomId));
        return new StoredEvent(identity, row);
    }

    private protected static JsonObject Text(string body) => new() { ["msgtype"] = "m.text", ["body"] = body };

    private protected static string Escape(string text) => PeerRoom.Escape(text);
}
