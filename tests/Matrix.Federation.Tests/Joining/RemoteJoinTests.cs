using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Joining;

/// <summary>Local users join rooms of a peer. Server-Server API, "Joining Rooms".</summary>
public sealed class RemoteJoinTests
{
    private InProcessServer _server = null!;
    private ResidentServer _peer = null!;
    private LocalUser _alice = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _server = await InProcessServer.StartAsync(
            ("federation.custom_ca", TestCa.Shared.RootFile), ("federation.allow_networks", "127.0.0.0/8"));
        _peer = await StartPeerAsync();
        _alice = await LocalUser.RegisterAsync(_server, "alice");
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task A_joined_room_is_in_sync_with_its_state(
        [Values("1", "2", "3", "6", "10", "11", "12")] string version)
    {
        var room = _peer.CreatesRoom(version);
        room.Join($"@bob:{_peer.Peer.Name}");
        room.Add(room.Creator, "m.room.name", "", new JsonObject { ["name"] = "The kitchen" });
        for (var i = 0; i < 3; i++)
        {
            room.Add(room.Creator, "m.room.message", null, new JsonObject { ["msgtype"] = "m.text", ["body"] = "hi" });
        }

        var since = (string)(await _alice.GetAsync("sync")).Is(200).Json["next_batch"]!;
        var waiting = _alice.GetAsync($"sync?since={since}&timeout=20000");

        Assert.That(await JoinAsync(_alice, room), Is.EqualTo(room.RoomId));

        await AssertSameStateAsync(_alice, room);
        var incremental = JoinedRoom((await waiting).Is(200), room);
        var initial = JoinedRoom((await _alice.GetAsync("sync")).Is(200), room);
        foreach (var seen in new[] { incremental, initial })
        {
            var state = seen["state"]!["events"]!.AsArray().Concat(seen["timeline"]!["events"]!.AsArray());
            Assert.That(state.Select(IdOf), Is.EquivalentTo(room.StateIds.Values));
            Assert.That((bool?)seen["timeline"]!["limited"], Is.True, "the earlier timeline is missing");
            Assert.That(
                seen["timeline"]!["events"]!.AsArray().Select(IdOf), Is.EqualTo(new[] { room.IdOf(room.Last) }));
            Assert.That((int?)seen["summary"]!["m.joined_member_count"], Is.EqualTo(3));
        }

        var start = (string)initial["timeline"]!["prev_batch"]!;
        var before = await _alice.GetAsync($"rooms/{Escaped(room.RoomId)}/messages?dir=b&from={start}");
        Assert.That(before.Is(200).Json["chunk"]!.AsArray(), Is.Empty);
        Assert.That(before.Json["end"], Is.Null);

        var members = await _alice.GetAsync($"rooms/{Escaped(room.RoomId)}/joined_members");
        Assert.That(
            members.Is(200).Json["joined"]!.AsObject().Select(member => member.Key),
            Is.EquivalentTo(new[] { _alice.UserId, room.Creator, $"@bob:{_peer.Peer.Name}" }));
        var body = new JsonObject { ["msgtype"] = "m.text", ["body"] = "hello" };
        (await _alice.PutAsync($"rooms/{Escaped(room.RoomId)}/send/m.room.message/1", body)).Is(200);
    }

    /// <summary>Starts a peer whose keys the server knows.</summary>
    private async Task<ResidentServer> StartPeerAsync()
    {
        var peer = await ResidentServer.StartAsync();
        _server.Knows(peer.Peer);
        return peer;
    }

    private async Task<string> JoinAsync(LocalUser user, ResidentRoom room) =>
        (string)(await TryJoinAsync(user, room)).Is(200).Json["room_id"]!;

    private Task<Reply> TryJoinAsync(LocalUser user, ResidentRoom room) =>
        user.PostAsync($"join/{Escaped(room.RoomId)}?via={_peer.Peer.Name}", []);

    private static async Task AssertSameStateAsync(LocalUser user, ResidentRoom room)
    {
        var state = (await user.GetAsync($"rooms/{Escaped(room.RoomId)}/state")).Is(200);
        Assert.That(JsonNode.Parse(state.Text)!.AsArray().Select(IdOf), Is.EquivalentTo(room.StateIds.Values));
    }

    private static JsonObject JoinedRoom(Reply sync, ResidentRoom room) =>
        sync.Json["rooms"]!["join"]![room.RoomId]!.AsObject();

    private static string? IdOf(JsonNode? clientEvent) => (string?)clientEvent!["event_id"];

    private static string Escaped(string part) => Uri.EscapeDataString(part);
}
