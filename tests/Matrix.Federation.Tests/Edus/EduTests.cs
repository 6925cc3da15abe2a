using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Outbound;

namespace Matrix.Federation.Tests.Edus;

/// <summary>A server with a local user, and a peer that takes and sends transactions.</summary>
public abstract class EduTests
{
    private static readonly (string, string)[] _short =
    [
        ("federation.outbound_first_pause", "50ms"),
        ("federation.outbound_longest_pause", "200ms"),
        ("federation.outbound_wake_pause", "50ms"),
        ("federation.receipt_delay", "50ms"),
        ("sync.typing_repeat", "200ms"),
    ];

    private int _transactions;

    private protected TestServer Server { get; private set; } = null!;

    private protected ReceivingPeer Peer { get; private set; } = null!;

    private protected TestUser Alice { get; private set; } = null!;

    private protected string Bob => $"@bob:{Peer.Peer.Name}";

    [SetUp]
    public Task SetUpAsync() => StartAsync();

    [TearDown]
    public async Task TearDownAsync()
    {
        await Peer.DisposeAsync();
        await Server.DisposeAsync();
    }

    private protected async Task StartAsync(params (string, string)[] settings)
    {
        Server = await TestServer.StartWithKnownKeysAsync([.. _short, .. settings]);
        Peer = await ReceivingPeer.StartAsync();
        Server.Knows(Peer.Peer);
        Alice = await Server.RegistersAsync("alice");
    }

    private protected async Task RestartAsync(params (string, string)[] settings)
    {
        await TearDownAsync();
        await StartAsync(settings);
    }

    /// <summary>A room with Alice, and with Bob of the peer.</summary>
    private protected async Task<PeerRoom> RoomAsync()
    {
        var roomId = await Alice.CreatesRoomAsync(version: RoomRules.Recommended);
        return await Peer.Peer.JoinsAsync(Server, roomId, "bob");
    }

    /// <summary>Denies the peer by the room's access control list.</summary>
    private protected Task DenyAsync(string roomId) => Alice.SetsAsync(
        roomId, "m.room.server_acl", new() { ["allow"] = new JsonArray("*"), ["allow_ip_literals"] = false });

    /// <summary>The peer sends EDUs in a transaction.</summary>
    private protected async Task SendAsync(string type, params JsonNode?[] contents) => (await Peer.Peer.SendAsync(
        Server,
        "PUT",
        $"/_matrix/federation/v1/send/{++_transactions}",
        new JsonObject
        {
            ["origin"] = Peer.Peer.Name,
            ["origin_server_ts"] = 1,
            ["pdus"] = new JsonArray(),
            ["edus"] = new JsonArray([.. contents.Select(
                content => new JsonObject { ["edu_type"] = type, ["content"] = content?.DeepClone() })]),
        })).Is(200);

    /// <summary>The contents of the EDUs of a type that the peer took, or another one.</summary>
    private protected IReadOnlyList<JsonObject> Taken(string type, ReceivingPeer? other = null) =>
    [
        .. (other ?? Peer).Taken.SelectMany(each => each.Body["edus"]!.AsArray())
            .Where(edu => (string?)edu!["edu_type"] == type)
            .Select(edu => edu!["content"]!.AsObject()),
    ];

    /// <summary>Waits until the peer has taken this many EDUs of a type.</summary>
    private protected async Task HasTakenAsync(string type, int count)
    {
        var until = DateTime.UtcNow.AddSeconds(20);
        while (Taken(type).Count < count && DateTime.UtcNow < until) await Task.Delay(10);
        Assert.That(Taken(type), Has.Count.GreaterThanOrEqualTo(count));
    }

    /// <summary>Waits until a transaction to the peer has failed.</summary>
    private protected Task FailsAsync() => Server.FailsAsync(Peer.Peer, 1);

    /// <summary>The peer sends a request, which ends the pause after a failure.</summary>
    private protected async Task WakeAsync() => (await Peer.Peer.SendAsync(
        Server, "GET", $"/_matrix/federation/v1/query/profile?user_id=@nobody:{Server.Name}")).Is(404, "M_NOT_FOUND");

    /// <summary>Waits until a value is as expected.</summary>
    private protected static async Task EventuallyAsync<T>(Func<Task<T>> read, T expected)
    {
        var until = DateTime.UtcNow.AddSeconds(20);
        T last;
        do
        {
            last = await read();
            if (Equals(last, expected)) return;
            await Task.Delay(20);
        }
        while (DateTime.UtcNow < until);
        Assert.That(last, Is.EqualTo(expected));
    }
}
