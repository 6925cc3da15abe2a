using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>Users of another server join a room of this one, and send events to it.</summary>
public sealed class ResidentJoinTests
{
    private TestServer _server = null!;
    private Peer _peer = null!;
    private TestUser _alice = null!;

    private static IReadOnlyList<string> Versions => RoomRules.Known;

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        _server = await TestServer.StartWithKnownKeysAsync();
        _peer = new Peer("127.0.251.1:1");
        _server.Knows(_peer);
        _alice = await _server.RegistersAsync("alice");
    }

    [OneTimeTearDown]
    public async Task TearDownAsync() => await _server.DisposeAsync();

    [TestCaseSource(nameof(Versions))]
    public async Task A_user_of_another_server_joins_and_chats(string version)
    {
        var roomId = await _alice.CreatesRoomAsync(version: version);
        await _alice.SaysAsync(roomId, "before");

        var room = await _peer.JoinsAsync(_server, roomId, "bob");
        var state = await _alice.StateIdsAsync(roomId);
        Assert.That(room.State.Values.Select(pdu => pdu.EventId), Is.EquivalentTo(state));

        var messages = Enumerable.Range(1, 5).Select(n => room.Says("bob", $"hello {n}")).ToArray();
        var sent = (await room.SendAsync(_server, "t" + version, messages))
            .Is(200).Matches("transactions.yaml", "/send/{txnId}", "put").Json;
        Assert.That(
            sent["pdus"]!.AsObject().Select(each => (each.Key, each.Value!.ToJsonString())),
            Is.EquivalentTo(messages.Select(pdu => (pdu.EventId, "{}"))));

        var shown = await _alice.TimelineAsync(roomId);
        Assert.That(shown.TakeLast(5).Select(each => (string?)each["event_id"]), Is.EqualTo(
            messages.Select(pdu => pdu.EventId)));
        Assert.That((string?)shown[^1]["content"]!["body"], Is.EqualTo("hello 5"));
    }
}
