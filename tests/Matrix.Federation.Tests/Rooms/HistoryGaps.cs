using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>A room of a local user in which a peer has joined that serves its history, and no missing events.</summary>
public abstract class HistoryGaps
{
    private int _transactions;

    private protected PeerServer Peer { get; private set; } = null!;

    private protected TestServer Server { get; private set; } = null!;

    private protected TestUser Alice { get; private set; } = null!;

    private protected PeerRoom Room { get; private set; } = null!;

    private protected OpenedStorage Storage => Server.Services.GetRequiredService<OpenedStorage>();

    [SetUp]
    public async Task SetUpAsync()
    {
        Peer = await PeerServer.StartAsync();
        Peer.HasMissing = false;
        await StartAsync();
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await Server.DisposeAsync();
        await Peer.DisposeAsync();
    }

    /// <summary>Starts the server, with the room.</summary>
    private protected Task StartAsync(params (string Key, string Value)[] settings) => StartAsync(null, settings);

    /// <summary>Starts the server with other parts, and the room.</summary>
    private protected async Task StartAsync(
        Action<IServiceCollection>? replace, params (string Key, string Value)[] settings)
    {
        Server = await TestServer.StartWithKnownKeysAsync(replace, settings);
        Server.Knows(Peer.Peer);
        Alice = await Server.RegistersAsync("alice");
        Room = await Peer.Peer.JoinsAsync(Server, await Alice.CreatesRoomAsync(version: "11"), "bob");
        Peer.Rooms[Room.RoomId] = Room;
        await SendAsync(Room.Says("bob", "before"));
    }

    /// <summary>Starts another server in its place, with another room.</summary>
    private protected async Task StartAgainAsync(params (string Key, string Value)[] settings)
    {
        await Server.DisposeAsync();
        await StartAsync(settings);
    }

    /// <summary>The same with other parts.</summary>
    private protected async Task StartAgainAsync(Action<IServiceCollection> replace)
    {
        await Server.DisposeAsync();
        await StartAsync(replace);
    }

    /// <summary>Sends a redaction of an unknown event, and waits until it is stored: clients do not see it.</summary>
    private protected async Task HideAsync(IReadOnlyList<Pdu> after)
    {
        Room.Latest = after;
        var redaction = Room.Makes(
            "bob", "m.room.redaction", null, new() { ["redacts"] = "$" + new string('x', 43) });
        await StoreAsync(redaction);
    }

    /// <summary>A user of the peer may set the state and redact.</summary>
    private protected async Task PromoteAsync(string user)
    {
        var path = $"rooms/{PeerRoom.Escape(Room.RoomId)}/state/m.room.power_levels/";
        var levels = (await Alice.GetAsync(path)).Is(200).Json;
        levels["users"]![Room.User(user)] = 50;
        await TakeAsync((string)(await Alice.PutAsync(path, levels)).Is(200).Json["event_id"]!);
    }

    /// <summary>The peer gets an event of the server.</summary>
    private protected async Task TakeAsync(string eventId)
    {
        var served = await Peer.Peer.SendAsync(
            Server, "GET", $"/_matrix/federation/v1/event/{PeerRoom.Escape(eventId)}");
        Room.Takes(Room.Knows(served.Is(200).Json["pdus"]![0]!.AsObject()));
    }

    /// <summary>A user of the peer joins and is banned; the peer has not seen the ban.</summary>
    private protected async Task BanCarolAsync()
    {
        var carol = Room.User("carol");
        await SendAsync(Room.Makes("carol", "m.room.member", carol, new() { ["membership"] = "join" }));
        await Alice.BansAsync(Room.RoomId, carol);
    }

    /// <summary>Sends an event that the current state forbids, and waits until it is stored.</summary>
    private protected async Task RefuseAsync(Pdu pdu)
    {
        var marks = await StoreAsync(pdu);
        Assert.That(marks & EventMarks.SoftFailed, Is.EqualTo(EventMarks.SoftFailed), Server.Log);
    }

    private protected async Task<EventMarks> StoreAsync(Pdu pdu)
    {
        (await Room.SendAsync(Server, $"gap{++_transactions}", pdu)).Is(200);
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var stored = await Storage.Events.FindAnywhereAsync(pdu.EventId, 1, CancellationToken.None);
            if (stored.Count > 0) return stored[0].Marks;
            await Task.Delay(100);
        }

        throw new AssertionException(Server.Log);
    }

    /// <summary>Sends events, and waits until the last one is shown.</summary>
    private protected async Task SendAsync(params Pdu[] pdus)
    {
        (await Room.SendAsync(Server, $"gap{++_transactions}", pdus)).Is(200);
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var path = $"rooms/{PeerRoom.Escape(Room.RoomId)}/event/{PeerRoom.Escape(pdus[^1].EventId)}";
            if ((await Alice.GetAsync(path)).Status == 200) return;
            await Task.Delay(100);
        }

        Assert.Fail(Server.Log);
    }

    /// <summary>The messages that a client gets that pages back to the end, the newest first.</summary>
    private protected async Task<string[]> ScrollAsync(int limit)
    {
        var bodies = new List<string>();
        var from = "";
        for (var pages = 0; pages < 200; pages++)
        {
            var page = (await Alice.GetAsync(
                $"rooms/{PeerRoom.Escape(Room.RoomId)}/messages?dir=b&limit={limit}{from}")).Is(200).Json;
            bodies.AddRange(page["chunk"]!.AsArray()
                .Where(each => (string)each!["type"]! == "m.room.message")
                .Select(each => (string)each!["content"]!["body"]!));
            if ((string?)page["end"] is not { } end) return [.. bodies];
            from = $"&from={end}";
        }

        throw new AssertionException("The pages do not end.");
    }
}
