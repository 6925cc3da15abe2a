using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Joining;

/// <summary>A server with a local user, and a peer with rooms.</summary>
public abstract class RemoteJoins
{
    private protected TestServer Server { get; private set; } = null!;

    private protected ResidentServer Peer { get; private set; } = null!;

    private protected TestUser Alice { get; private set; } = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        Server = await TestServer.StartWithKnownKeysAsync(
            ("federation.custom_ca", TestCa.Shared.RootFile), ("federation.allow_networks", "127.0.0.0/8"));
        Peer = await StartPeerAsync();
        Alice = await Server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await Server.DisposeAsync();
        await Peer.DisposeAsync();
    }

    /// <summary>Starts a peer whose keys the server knows.</summary>
    private protected async Task<ResidentServer> StartPeerAsync()
    {
        var peer = await ResidentServer.StartAsync();
        Server.Knows(peer.Peer);
        return peer;
    }

    private protected async Task<string> JoinAsync(TestUser user, ResidentRoom room) =>
        (string)(await TryJoinAsync(user, room)).Is(200).Json["room_id"]!;

    private protected Task<Reply> TryJoinAsync(TestUser user, ResidentRoom room) =>
        user.PostAsync($"join/{Escaped(room.RoomId)}?via={Peer.Peer.Name}");

    /// <summary>The peer sends events to the server.</summary>
    private protected Task<Reply> SendAsync(string transactionId, params JsonObject[] pdus) => Peer.Peer.SendAsync(
        Server,
        "PUT",
        "/_matrix/federation/v1/send/" + transactionId,
        new JsonObject
        {
            ["origin"] = Peer.Peer.Name,
            ["origin_server_ts"] = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            ["pdus"] = new JsonArray([.. pdus.Select(pdu => pdu.DeepClone())]),
        });

    private protected static async Task AssertSameStateAsync(TestUser user, ResidentRoom room)
    {
        var state = (await user.GetAsync($"rooms/{Escaped(room.RoomId)}/state")).Is(200);
        Assert.That(JsonNode.Parse(state.Text)!.AsArray().Select(IdOf), Is.EquivalentTo(room.StateIds.Values));
    }

    private protected static JsonObject JoinedRoom(Reply sync, ResidentRoom room) =>
        sync.Json["rooms"]!["join"]![room.RoomId]!.AsObject();

    private protected static string? IdOf(JsonNode? clientEvent) => (string?)clientEvent!["event_id"];

    private protected static string Escaped(string part) => Uri.EscapeDataString(part);
}
