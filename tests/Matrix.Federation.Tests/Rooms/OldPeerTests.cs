using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Servers that follow older documents: version 1 of endpoints, and members that today's specification does not have.
/// Their presence EDUs are in `EduReceivingTests`, `/_matrix/key/v1` is in `EndpointTests`.
/// </summary>
public sealed class OldPeerTests
{
    private const string V1 = "/_matrix/federation/v1/";

    private TestServer _server = null!;
    private AnsweringPeer _peer = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task SetUpAsync() => await StartAsync();

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task The_first_version_of_send_join_answers_with_a_list([Values("1", "5", "11")] string version)
    {
        var roomId = await _alice.CreatesRoomAsync(version: version);
        var (room, join) = await PeerRoom.PrepareAsync(_server, _peer.Peer, roomId, "bob");

        var sent = (await _peer.Peer.SendAsync(
            _server,
            "PUT",
            $"{V1}send_join/{PeerRoom.Escape(roomId)}/{PeerRoom.Escape(join.EventId)}",
            PeerRoom.Json(join)));

        Assert.That(sent.Status, Is.EqualTo(200), sent.Text);
        var list = JsonNode.Parse(sent.Text)!.AsArray();
        Assert.That((list.Count, (int)list[0]!), Is.EqualTo((2, 200)));
        foreach (var member in new[] { "state", "auth_chain" })
        {
            foreach (var json in list[1]![member]!.AsArray()) room.Knows(json!.AsObject());
        }

        Assert.That((await _alice.GetAsync(
            $"rooms/{PeerRoom.Escape(roomId)}/state/m.room.member/{room.User("bob")}")).Is(200).Json["membership"]!
            .GetValue<string>(), Is.EqualTo("join"));
    }

    [Test]
    public async Task Without_compatibility_the_first_version_of_send_join_is_not_served()
    {
        await TearDownAsync();
        await StartAsync(("compatibility.legacy_federation", "false"));

        (await _peer.Peer.SendAsync(_server, "PUT", V1 + "send_join/!a:b/$c", new JsonObject()))
            .Is(404, "M_UNRECOGNIZED");
    }

    [Test]
    public async Task An_invite_is_left_through_a_server_with_only_the_first_version_of_send_leave(
        [Values] bool isCompatible)
    {
        await TearDownAsync();
        await StartAsync(("compatibility.legacy_federation", isCompatible ? "true" : "false"));
        var room = MembershipRoom.Create(_peer.Peer, "1");
        (await room.InvitesAsync(_server, room.Sets(_alice.UserId, "invite"))).Is(200);
        _peer.Answers = request =>
            request.Path.StartsWith("v1/make_leave/", StringComparison.Ordinal)
                ? (200, room.Template(_alice.UserId, "leave"))
                : request.Path.StartsWith("v1/send_leave/", StringComparison.Ordinal)
                    ? (200, new JsonArray(200, new JsonObject()))
                    : null;

        await _alice.LeavesAsync(room.RoomId);

        Assert.That(
            _peer.Requests.Count(request => request.Path.StartsWith("v1/send_leave/", StringComparison.Ordinal)),
            Is.EqualTo(isCompatible ? 1 : 0));
        Assert.That((await _alice.SyncsAsync())["rooms"]?["invite"]?[room.RoomId], Is.Null);
    }

    [Test]
    public async Task Members_of_events_that_todays_specification_does_not_have_do_no_harm(
        [Values("1", "4", "11")] string version)
    {
        var roomId = await _alice.CreatesRoomAsync(version: version);
        var room = await _peer.Peer.JoinsAsync(_server, roomId, "bob");
        var template = PeerRoom.Json(room.Says("bob", "from the past"));
        foreach (var name in (string[])["hashes", "signatures", "event_id"]) template.Remove(name);
        template["prev_state"] = new JsonArray();
        template["age_ts"] = 1_400_000_000_000;
        template["membership"] = "join";
        template["replaces_state"] = "$old:elsewhere.example";
        template["prev_content"] = new JsonObject { ["a"] = 1 };
        template["power_level"] = 50;
        template["required_power_level"] = 50;
        template["user_id"] = room.User("bob");
        template["is_state"] = false;
        var pdu = room.Completes(template);
        var sent = PeerRoom.Json(pdu);
        sent["unsigned"] = new JsonObject { ["age"] = 5, ["prev_sender"] = room.User("bob") };
        var body = room.Transaction([sent]);
        body["previous_ids"] = new JsonArray("one");
        body["pdu_failures"] = new JsonArray();
        body["destination"] = _server.Name;
        body["edus"] = new JsonArray(
            new JsonObject
            {
                ["edu_type"] = "m.typing",
                ["origin"] = _peer.Peer.Name,
                ["destination"] = _server.Name,
                ["origin_server_ts"] = 1_400_000_000_000,
                ["content"] = new JsonObject
                {
                    ["room_id"] = roomId,
                    ["user_id"] = room.User("bob"),
                    ["typing"] = true,
                    ["timeout"] = 30_000,
                },
            });

        var reply = (await _peer.Peer.SendAsync(_server, "PUT", V1 + "send/old", body)).Is(200);

        Assert.That(reply.Json["pdus"]!.ToJsonString(), Is.EqualTo($"{{\"{pdu.EventId}\":{{}}}}"));
        var shown = (await _alice.TimelineAsync(roomId))[^1];
        Assert.That(
            ((string?)shown["event_id"], (string?)shown["content"]!["body"]),
            Is.EqualTo((pdu.EventId, "from the past")));
        Assert.That(await _alice.TypingAsync(roomId), Is.EqualTo(new[] { room.User("bob") }));

        // Other servers get the event as it was signed.
        var served = (await _peer.Peer.SendAsync(_server, "GET", $"{V1}event/{PeerRoom.Escape(pdu.EventId)}")).Is(200);
        var stored = room.Knows(served.Json["pdus"]![0]!.AsObject());
        Assert.That(stored.EventId, Is.EqualTo(pdu.EventId));
    }

    private async Task StartAsync(params (string Key, string Value)[] settings)
    {
        _server = await TestServer.StartWithKnownKeysAsync(settings);
        _peer = await AnsweringPeer.StartAsync();
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
    }
}
