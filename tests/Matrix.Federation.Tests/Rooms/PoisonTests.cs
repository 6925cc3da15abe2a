using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Events and EDUs with text that a database cannot hold: they do no harm to what comes with them and after them.
/// </summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class PoisonTests(string databaseKind) : DatabaseTests(databaseKind)
{
    // A character that PostgreSQL refuses, lone surrogates, which UTF-8 cannot hold, and half of a pair.
    private static readonly string[] _texts = ["\0", "\ud800", "\udc00", "a\0b"];

    private PeerServer _peer = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private int _transactions;

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _server = await TestServer.StartWithKnownKeysAsync(
            await NewDatabaseAsync() is { } url ? [("database.url", url)] : []);
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
    }

    [OneTimeTearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    // Before version 6, events may have any text that is JSON. Servers choose ids in versions 1 and 2.
    [Test]
    public async Task An_event_with_any_text_in_any_place_is_taken([Values("1", "5")] string version)
    {
        var room = await JoinedAsync(version);
        foreach (var text in _texts)
        {
            Pdu[] events =
            [
                room.Makes("bob", "org.example" + text, "key" + text, new() { ["body"] = text }),
                room.Makes("bob", "m.room.message", null, new() { ["body" + text] = text }),
                room.Makes("bob", "m.room.message", null, Related(text, "m.thread", "$x" + text)),
                room.Makes("bob", "m.room.message", null, Related(text, "m.annotation" + text, "$x")),
                room.Makes("bob", "m.room.message", null, Related(text, "m.replace", "$x")),
                room.Makes("bob", "m.room.redaction", null, new() { ["reason"] = text }, redacts: "$x" + text),
                room.Makes("bob", "m.room.name", "", new() { ["name"] = text }),
                room.Makes("bob", "m.room.topic", "", new() { ["topic"] = text }),
                room.Makes("bob", "m.room.canonical_alias", "", new() { ["alias"] = "#x" + text + ":example.org" }),
                room.Makes("bob", "m.room.third_party_invite", "token" + text, new() { ["display_name"] = text }),
                room.Makes(
                    "bob",
                    "m.room.member",
                    room.User("bob"),
                    new() { ["membership"] = "join", ["displayname"] = text, ["avatar_url"] = text }),
                room.Says("bob", "after " + _transactions),
            ];

            var reply = (await SendAsync(room, events.Select(PeerRoom.Json), [])).Is(200).Json["pdus"]!.AsObject();

            Assert.That(reply.Select(each => each.Value!.ToJsonString()), Is.All.EqualTo("{}"), reply.ToJsonString());
            var stored = await _alice.GetAsync(
                $"rooms/{PeerRoom.Escape(room.RoomId)}/event/{PeerRoom.Escape(events[^1].EventId)}");
            stored.Is(200);
        }

        (await _alice.GetAsync("sync")).Is(200);
        (await _alice.GetAsync($"rooms/{PeerRoom.Escape(room.RoomId)}/messages?dir=b&limit=50")).Is(200);
        (await _alice.GetAsync($"rooms/{PeerRoom.Escape(room.RoomId)}/state")).Is(200);
    }

    [Test]
    public async Task An_EDU_with_any_text_in_any_place_harms_no_other()
    {
        var room = await JoinedAsync("5");
        var said = room.Says("bob", "read this");
        (await SendAsync(room, [PeerRoom.Json(said)], [])).Is(200);
        foreach (var text in _texts)
        {
            var bob = room.User("bob");
            JsonObject[] edus =
            [
                Edu("m.typing" + text, new() { ["room_id"] = room.RoomId }),
                Edu("m.typing", new() { ["room_id"] = room.RoomId + text, ["user_id"] = bob, ["typing"] = true }),
                Edu("m.typing", new() { ["room_id"] = room.RoomId, ["user_id"] = bob + text, ["typing"] = true }),
                Receipt(room.RoomId + text, bob, said.EventId, "main"),
                Receipt(room.RoomId, bob + text, said.EventId, "main"),
                Receipt(room.RoomId, bob, said.EventId + text, "main"),
                Receipt(room.RoomId, bob, said.EventId, "$thread" + text),
                Message(bob + text, "id" + text, _alice.UserId, _alice.DeviceId, text),
                Message(bob, "id" + text, _alice.UserId, _alice.DeviceId, text),
                Message(bob, "id", _alice.UserId + text, _alice.DeviceId, text),
                Message(bob, "id", _alice.UserId, _alice.DeviceId + text, text),
                Devices(bob + text, "DEVICE"),
                Devices(bob, "DEVICE" + text),
                Edu("m.signing_key_update", new() { ["user_id"] = bob + text, ["master_key"] = text }),
                Edu("m.presence", new() { ["push"] = new JsonArray(new JsonObject { ["user_id"] = bob + text }) }),
                Message(bob, "after" + _transactions, _alice.UserId, _alice.DeviceId, "after " + _transactions),
                Edu("m.typing", new() { ["room_id"] = room.RoomId, ["user_id"] = bob, ["typing"] = true }),
            ];
            var last = "after " + _transactions;

            (await SendAsync(room, [], edus)).Is(200);

            Assert.That((await _alice.InboxAsync()).Select(each => (string?)each["body"]), Does.Contain(last));
            Assert.That(await _alice.TypingAsync(room.RoomId), Does.Contain(bob));
        }
    }

    private static JsonObject Related(string text, string relType, string parent) => new()
    {
        ["body"] = text,
        ["m.relates_to"] = new JsonObject { ["rel_type"] = relType, ["event_id"] = parent, ["key"] = text },
    };

    private static JsonObject Edu(string type, JsonObject content) => new()
    {
        ["edu_type"] = type,
        ["content"] = content,
    };

    private static JsonObject Receipt(string roomId, string userId, string eventId, string thread) =>
        Edu("m.receipt", new()
        {
            [roomId] = new JsonObject
            {
                ["m.read"] = new JsonObject
                {
                    [userId] = new JsonObject
                    {
                        ["event_ids"] = new JsonArray(eventId),
                        ["data"] = new JsonObject { ["ts"] = 1_000_000, ["thread_id"] = thread },
                    },
                },
            },
        });

    private static JsonObject Message(string sender, string id, string userId, string deviceId, string body) =>
        Edu("m.direct_to_device", new()
        {
            ["sender"] = sender,
            ["type"] = "org.example.test",
            ["message_id"] = id,
            ["messages"] = new JsonObject
            {
                [userId] = new JsonObject { [deviceId] = new JsonObject { ["body"] = body } },
            },
        });

    private static JsonObject Devices(string userId, string deviceId) =>
        Edu("m.device_list_update", new()
        {
            ["user_id"] = userId,
            ["device_id"] = deviceId,
            ["stream_id"] = 1,
            ["device_display_name"] = deviceId,
        });

    private Task<Reply> SendAsync(PeerRoom room, IEnumerable<JsonObject> pdus, IEnumerable<JsonObject> edus)
    {
        var body = room.Transaction(pdus);
        body["edus"] = new JsonArray([.. edus]);
        return _peer.Peer.SendAsync(_server, "PUT", $"/_matrix/federation/v1/send/{++_transactions}", body);
    }

    private async Task<PeerRoom> JoinedAsync(string version)
    {
        var roomId = await _alice.CreatesRoomAsync(version: version);
        var path = $"rooms/{PeerRoom.Escape(roomId)}/state/m.room.power_levels/";
        var levels = (await _alice.GetAsync(path)).Is(200).Json;
        levels["users"]![$"@bob:{_peer.Peer.Name}"] = 100;
        (await _alice.PutAsync(path, levels)).Is(200);
        var room = await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        _peer.Rooms[roomId] = room;
        return room;
    }
}
