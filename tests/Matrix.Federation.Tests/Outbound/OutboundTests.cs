using System.Text.Json.Nodes;
using Matrix.Core.Facade;

namespace Matrix.Federation.Tests.Outbound;

/// <summary>A server with a local user, and a peer that takes transactions.</summary>
public abstract class OutboundTests
{
    private static readonly (string, string)[] _short =
    [
        ("federation.custom_ca", TestCa.Shared.RootFile),
        ("federation.allow_networks", "127.0.0.0/8"),
        ("federation.outbound_first_pause", "50ms"),
        ("federation.outbound_longest_pause", "200ms"),
        ("federation.outbound_wake_pause", "50ms"),
        ("federation.outbound_record_interval", "100ms"),
        ("federation.outbound_outage_after", "100ms"),
    ];

    private protected TestServer Server { get; private set; } = null!;

    private protected TestUser Alice { get; private set; } = null!;

    private protected ReceivingPeer Peer { get; private set; } = null!;

    [SetUp]
    public async Task SetUpAsync() => await StartAsync();

    [TearDown]
    public async Task TearDownAsync()
    {
        await Peer.DisposeAsync();
        await Server.DisposeAsync();
    }

    private protected async Task<string> JoinedRoomAsync()
    {
        var roomId = await Alice.CreatesRoomAsync(version: RoomRules.Recommended);
        await Peer.Peer.JoinsAsync(Server, roomId, "bob");
        return roomId;
    }

    private protected async Task<IReadOnlyList<string>> SaysAsync(string roomId, int count)
    {
        var sent = new List<string>();
        for (var i = 1; i <= count; i++) sent.Add(await Alice.SaysAsync(roomId, $"message {i}"));
        return sent;
    }

    private protected async Task<string> KickAsync(string roomId, string userId)
    {
        var path = $"rooms/{Uri.EscapeDataString(roomId)}/state/m.room.member/{Uri.EscapeDataString(userId)}";
        var reply = await Alice.PutAsync(path, new JsonObject { ["membership"] = "leave" });
        return (string)reply.Is(200).Json["event_id"]!;
    }

    /// <summary>The peer sends a request.</summary>
    private protected async Task WakeAsync()
    {
        var target = $"/_matrix/federation/v1/query/profile?user_id=@nobody:{Server.Name}";
        (await Peer.Peer.SendAsync(Server, "GET", target)).Is(404, "M_NOT_FOUND");
    }

    /// <summary>Waits until sending to the peer has failed this often.</summary>
    private protected Task FailsAsync(int failures) => Server.FailsAsync(Peer.Peer, failures);

    private protected async Task StartAsync(params (string, string)[] settings)
    {
        Server = await TestServer.StartWithKnownKeysAsync([.. _short, .. settings]);
        Peer = await ReceivingPeer.StartAsync();
        Server.Knows(Peer.Peer);
        Alice = await Server.RegistersAsync("alice");
    }

    private protected async Task StopAsync()
    {
        await Peer.DisposeAsync();
        await Server.DisposeAsync();
    }
}
