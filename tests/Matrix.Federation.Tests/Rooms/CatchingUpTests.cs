using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>A room that catches up is not held for all of its events at once, and none is left out.</summary>
public sealed class CatchingUpTests
{
    private PeerServer _peer = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private PeerRoom _room = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _server = await TestServer.StartWithKnownKeysAsync(("federation.decided_at_once", "3"));
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        _room = await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        _peer.Rooms[roomId] = _room;
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task All_events_of_a_long_transaction_come_in_order_and_in_steps()
    {
        var said = Enumerable.Range(1, 40).Select(n => _room.Says("bob", $"{n}")).ToArray();

        (await _room.SendAsync(_server, "long", said)).Is(200);

        await ShowsAsync(40);
        await IsNothingStagedAsync();
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        var positions = new HashSet<long>();
        foreach (var each in said)
        {
            var rows = await storage.Events.FindAnywhereAsync(each.EventId, 1, CancellationToken.None);
            positions.Add(rows[0].Position);
        }

        Assert.That(positions, Has.Count.EqualTo(14), "a batch has at most three of them");
    }

    [Test]
    public async Task Fetched_events_come_in_order_too()
    {
        for (var n = 1; n < 40; n++) _ = _room.Says("bob", $"{n}");

        (await _room.SendAsync(_server, "last", _room.Says("bob", "40"))).Is(200);

        await ShowsAsync(40);
        await IsNothingStagedAsync();
    }

    [Test]
    public async Task A_local_message_is_accepted_beside_them()
    {
        var said = Enumerable.Range(1, 40).Select(n => _room.Says("bob", $"{n}")).ToArray();
        var path = $"rooms/{PeerRoom.Escape(_room.RoomId)}/send/m.room.message/own";

        var sending = _room.SendAsync(_server, "long", said);
        (await _alice.PutAsync(path, new JsonObject { ["msgtype"] = "m.text", ["body"] = "own" })).Is(200);
        (await sending).Is(200);

        await Until.HoldsAsync(async () => (await BodiesAsync()).Length == 41);
        Assert.That((await BodiesAsync()).Where(body => body != "own"), Is.EqualTo(Numbers(40)));
    }

    [Test]
    public async Task Local_messages_are_accepted_while_states_of_branches_are_resolved_elsewhere()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(
            ("federation.decided_at_once", "3"),
            ("federation.small_resolution_states", "2"),
            ("limits.prev_events", "2"));
        server.Knows(_peer.Peer);
        var alice = await server.RegistersAsync("alice");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        var levels = (await alice.GetAsync($"rooms/{PeerRoom.Escape(roomId)}/state/m.room.power_levels/")).Is(200).Json;
        levels["users"]![$"@bob:{_peer.Peer.Name}"] = 100;
        await alice.SetsAsync(roomId, "m.room.power_levels", levels);
        var room = await _peer.Peer.JoinsAsync(server, roomId, "bob");
        _peer.Rooms[roomId] = room;
        var fork = room.Latest;
        var branches = Enumerable.Range(1, 12).Select(n =>
        {
            room.Latest = fork;
            return room.Makes("bob", "org.example.branch", $"{n}", new() { ["n"] = n });
        }).ToArray();

        var sending = room.SendAsync(server, "branches", branches);
        var path = $"rooms/{PeerRoom.Escape(roomId)}/send/m.room.message/";
        for (var n = 1; n <= 10; n++)
        {
            (await alice.PutAsync(
                $"{path}own{n}", new JsonObject { ["msgtype"] = "m.text", ["body"] = $"{n}" })).Is(200);
        }

        (await sending).Is(200);
        await Until.HoldsAsync(async () =>
            JsonNode.Parse((await alice.GetAsync($"rooms/{PeerRoom.Escape(roomId)}/state")).Is(200).Text)!.AsArray()
                .Count(each => (string?)each!["type"] == "org.example.branch") == branches.Length);
        Assert.That(server.Log, Does.Not.Contain("level=error"));
    }

    private static IEnumerable<string> Numbers(int last) => Enumerable.Range(1, last).Select(n => $"{n}");

    private async Task ShowsAsync(int last)
    {
        await Until.HoldsAsync(async () => (await BodiesAsync()).Length >= last);
        Assert.That(await BodiesAsync(), Is.EqualTo(Numbers(last)));
    }

    private async Task IsNothingStagedAsync()
    {
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        Assert.That(await storage.StagedEvents.RoomsAsync(CancellationToken.None), Is.Empty);
        Assert.That(_server.Log, Does.Not.Contain("level=error"));
    }

    private async Task<string[]> BodiesAsync() =>
    [
        .. (await _alice.TimelineAsync(_room.RoomId))
            .Where(each => (string?)each["type"] == "m.room.message")
            .Select(each => (string?)each["content"]!["body"] ?? ""),
    ];
}
