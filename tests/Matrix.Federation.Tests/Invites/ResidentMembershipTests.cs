using System.Text.Json.Nodes;
using Matrix.Core.Event;

namespace Matrix.Federation.Tests.Invites;

/// <summary>Users of another server leave rooms of this one, or knock on them, through this server.</summary>
public sealed class ResidentMembershipTests
{
    private TestServer _server = null!;
    private AnsweringPeer _peer = null!;
    private TestUser _alice = null!;
    private string _bob = null!;

    private static string[] Versions => ["1", "6", "10", "11", "12"];

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartWithKnownKeysAsync(
            ("federation.custom_ca", TestCa.Shared.RootFile), ("federation.allow_networks", "127.0.0.0/8"));
        _peer = await AnsweringPeer.StartAsync();
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
        _bob = "@bob:" + _peer.Peer.Name;
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _peer.DisposeAsync();
        await _server.DisposeAsync();
    }

    [TestCaseSource(nameof(Versions))]
    public async Task An_invite_is_rejected_through_this_server(string version)
    {
        var (room, _) = await InvitedAsync(version);

        var leave = await MakeAsync(room, "leave");
        var sent = await SendAsync(room, "leave", leave);

        sent.Is(200).Matches("leaving-v2.yaml", "/send_leave/{roomId}/{eventId}", "put");
        Assert.That(sent.Text, Is.EqualTo("{}"));
        Assert.That(await MembershipOfBobAsync(room.RoomId), Is.EqualTo("leave"));
        (await SendAsync(room, "leave", leave)).Is(200);
    }

    [Test]
    public async Task A_leave_is_not_sent_back_to_its_server()
    {
        var (room, _) = await InvitedAsync("11");
        var leave = await MakeAsync(room, "leave");
        (await SendAsync(room, "leave", leave)).Is(200);

        // What is sent later comes later.
        var invites = _peer.Answers;
        _peer.Answers = request => request.Path.StartsWith("v1/send/", StringComparison.Ordinal)
            ? (200, new JsonObject { ["pdus"] = new JsonObject() })
            : invites(request);
        var path = $"rooms/{Uri.EscapeDataString(room.RoomId)}";
        (await _alice.PostAsync($"{path}/invite", new JsonObject { ["user_id"] = _bob })).Is(200);
        (await _alice.PostAsync($"{path}/kick", new JsonObject { ["user_id"] = _bob })).Is(200);

        JsonNode[] Sent() => [.. _peer.Requests
            .Where(request => request.Path.StartsWith("v1/send/", StringComparison.Ordinal))
            .SelectMany(request => request.Body!["pdus"]!.AsArray())
            .Where(pdu => (string?)pdu!["room_id"] == room.RoomId)
            .OfType<JsonNode>()];
        await Until.HoldsAsync(() => Sent().Any(pdu => (string?)pdu["sender"] == _alice.UserId));
        Assert.That(Sent().Select(pdu => (string?)pdu["sender"]), Is.All.EqualTo(_alice.UserId));
    }

    [Test]
    public async Task The_first_api_answers_with_a_list()
    {
        var (room, _) = await InvitedAsync("2");

        var sent = await SendAsync(room, "leave", await MakeAsync(room, "leave"), api: "v1");

        Assert.That((sent.Status, sent.Text), Is.EqualTo((200, "[200,{}]")));
        Assert.That(await MembershipOfBobAsync(room.RoomId), Is.EqualTo("leave"));
    }

    [Test]
    public async Task Without_compatibility_the_first_api_is_not_served()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(("compatibility.legacy_federation", "false"));
        server.Knows(_peer.Peer);

        var sent = await _peer.Peer.SendAsync(
            server, "PUT", "/_matrix/federation/v1/send_leave/!a:b/$c", new JsonObject());

        sent.Is(404, "M_UNRECOGNIZED");
    }

    [Test]
    public async Task Those_who_are_not_in_the_room_get_no_template()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        var path = $"/_matrix/federation/v1/make_leave/{PeerRoom.Escape(roomId)}/";

        (await _peer.Peer.SendAsync(_server, "GET", path + PeerRoom.Escape(_bob))).Is(403, "M_FORBIDDEN");
        (await _peer.Peer.SendAsync(_server, "GET", path + PeerRoom.Escape(_alice.UserId))).Is(403, "M_FORBIDDEN");
        var unknown = $"/_matrix/federation/v1/make_leave/{PeerRoom.Escape("!none:" + _server.Name)}/";
        (await _peer.Peer.SendAsync(_server, "GET", unknown + PeerRoom.Escape(_bob))).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task What_is_no_leave_of_its_sender_is_not_taken(
        [Values("path room", "path event", "type", "state key", "membership", "origin", "signature")] string fault)
    {
        var (room, _) = await InvitedAsync("10");
        var template = (await TemplateAsync(room, "leave"))["event"]!.AsObject();
        if (fault == "type") template["type"] = "m.room.mystery";
        if (fault == "state key") template["state_key"] = "@eve:" + _peer.Peer.Name;
        if (fault == "membership") template["content"]!["membership"] = "join";
        var leave = PeerRoom.Json(room.Completes(template));
        var keyId = _peer.Peer.Current.Key.Id;
        if (fault == "signature") leave["signatures"]![_peer.Peer.Name]![keyId] = new string('A', 86);
        var eventId = fault == "path event" ? "$other" : room.Knows(leave).EventId;
        var roomId = fault == "path room" ? await _alice.CreatesRoomAsync(version: "10") : room.RoomId;
        var sender = fault == "origin" ? new Peer("127.0.251.9:1") : _peer.Peer;
        _server.Knows(sender);

        var sent = await sender.SendAsync(
            _server,
            "PUT",
            $"/_matrix/federation/v2/send_leave/{PeerRoom.Escape(roomId)}/{PeerRoom.Escape(eventId)}",
            leave);

        sent.Is(400, "M_INVALID_PARAM");
        Assert.That(await MembershipOfBobAsync(room.RoomId), Is.EqualTo("invite"));
    }

    [Test]
    public async Task A_server_that_the_room_denies_gets_nothing()
    {
        var (room, _) = await InvitedAsync("11");
        var leave = await MakeAsync(room, "leave");
        await _alice.SetsAsync(room.RoomId, "m.room.server_acl", new()
        {
            ["allow"] = new JsonArray("*"),
            ["allow_ip_literals"] = false,
        });
        var path = $"/_matrix/federation/v1/make_leave/{PeerRoom.Escape(room.RoomId)}/{PeerRoom.Escape(_bob)}";

        (await _peer.Peer.SendAsync(_server, "GET", path)).Is(403, "M_FORBIDDEN");
        (await SendAsync(room, "leave", leave)).Is(403, "M_FORBIDDEN");
    }

    [TestCase("7")]
    [TestCase("10")]
    [TestCase("11")]
    [TestCase("12")]
    public async Task A_user_of_another_server_knocks_and_retracts_it(string version)
    {
        var roomId = await KnockableAsync(_alice, version);
        var room = new PeerRoom(_peer.Peer, version, roomId);

        var knock = await MakeAsync(room, "knock", $"?ver={version}");
        var sent = await SendAsync(room, "knock", knock, api: "v1");

        var state = sent.Is(200).Matches("knocks.yaml", "/send_knock/{roomId}/{eventId}", "put")
            .Json["knock_room_state"]!.AsArray();
        Assert.That((string)state[0]!["type"]!, Is.EqualTo("m.room.create"));
        foreach (var entry in state) Assert.That(room.Knows(entry!.AsObject()).RoomId, Is.EqualTo(roomId));
        Assert.That(await MembershipOfBobAsync(roomId), Is.EqualTo("knock"));

        (await SendAsync(room, "leave", await MakeAsync(room, "leave"))).Is(200);
        Assert.That(await MembershipOfBobAsync(roomId), Is.EqualTo("leave"));
    }

    [Test]
    public async Task Knocks_are_refused_where_the_room_or_its_version_does_not_allow_them()
    {
        var open = await _alice.CreatesRoomAsync(version: "10");
        var knockable = await KnockableAsync(_alice, "10");
        string PathOf(string roomId, string version) =>
            $"/_matrix/federation/v1/make_knock/{PeerRoom.Escape(roomId)}/{PeerRoom.Escape(_bob)}?ver={version}";

        (await _peer.Peer.SendAsync(_server, "GET", PathOf(open, "10"))).Is(403, "M_FORBIDDEN");
        var incompatible = (await _peer.Peer.SendAsync(_server, "GET", PathOf(knockable, "7")))
            .Is(400, "M_INCOMPATIBLE_ROOM_VERSION");
        Assert.That((string)incompatible.Json["room_version"]!, Is.EqualTo("10"));
    }

    [TestCase("10")]
    [TestCase("12")]
    public async Task A_local_user_knocks_through_another_server_and_is_invited(string version)
    {
        var room = MembershipRoom.Create(_peer.Peer, version, "knock");
        var since = await _alice.SyncTokenAsync();
        Pdu? knock = null;
        _peer.Answers = request =>
        {
            if (request.Path == $"v1/make_knock/{room.RoomId}/{_alice.UserId}")
            {
                return (200, room.Template(_alice.UserId, "knock"));
            }

            if (!request.Path.StartsWith($"v1/send_knock/{room.RoomId}/")) return null;
            knock = room.Knows(request.Body!);
            return (200, new JsonObject
            {
                ["knock_room_state"] = room.InviteBody([])["invite_room_state"]!.DeepClone(),
            });
        };

        var reply = await _alice.PostAsync(
            $"knock/{room.RoomId}?via={_peer.Peer.Name}", new JsonObject { ["reason"] = "Please." });

        Assert.That((string)reply.Is(200).Json["room_id"]!, Is.EqualTo(room.RoomId));
        Assert.That(knock!.Content.Text("reason"), Is.EqualTo("Please."));
        foreach (var sync in new[] { await _alice.SyncsAsync(since), await _alice.SyncsAsync() })
        {
            var shown = sync["rooms"]!["knock"]![room.RoomId]!["knock_state"]!["events"]!.AsArray();
            Assert.That(shown.Select(each => (string)each!["type"]!), Does.Contain("m.room.name"));
            Assert.That((string)shown[^1]!["content"]!["membership"]!, Is.EqualTo("knock"));
        }

        (await room.InvitesAsync(_server, room.Sets(_alice.UserId, "invite"))).Is(200);
        var rooms = (await _alice.SyncsAsync())["rooms"]!;
        Assert.That(rooms["invite"]![room.RoomId], Is.Not.Null);
        Assert.That(rooms["knock"]?[room.RoomId], Is.Null);
    }

    [Test]
    public async Task A_refused_knock_reaches_the_client_and_a_denied_one_ends()
    {
        var room = MembershipRoom.Create(_peer.Peer, "10", "knock");
        _peer.Answers = _ => AnsweringPeer.Error(403, "M_FORBIDDEN");
        var path = $"knock/{room.RoomId}?via={_peer.Peer.Name}";
        (await _alice.PostAsync(path)).Is(403, "M_FORBIDDEN");
        (await _alice.PostAsync($"knock/{room.RoomId}")).Is(404, "M_NOT_FOUND");

        var knockId = "";
        _peer.Answers = request =>
        {
            if (request.Path.StartsWith("v1/make_knock/")) return (200, room.Template(_alice.UserId, "knock"));
            var knock = room.Knows(request.Body!);
            knockId = knock.EventId;
            room.Takes(knock);
            return (200, new JsonObject { ["knock_room_state"] = new JsonArray() });
        };
        (await _alice.PostAsync(path)).Is(200);
        var since = await _alice.SyncTokenAsync();
        var denied = room.Sets(_alice.UserId, "leave");
        Assert.That(denied.AuthEvents, Does.Contain(knockId));

        (await room.SendAsync(_server, "denied", denied)).Is(200);

        var rooms = (await _alice.SyncsAsync(since))["rooms"]!;
        Assert.That(rooms["leave"]![room.RoomId], Is.Not.Null);
        Assert.That((await _alice.SyncsAsync())["rooms"]!["knock"]?[room.RoomId], Is.Null);
    }

    [Test]
    public async Task A_knock_whose_response_takes_long_is_kept()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(("federation.handshake_time", "5s"));
        server.Knows(_peer.Peer);
        var carl = await server.RegistersAsync("carl");
        var room = MembershipRoom.Create(_peer.Peer, "11", "knock");
        var hold = new TaskCompletionSource();
        AnswersKnocks(room, carl);
        _peer.BeforeAnswer = request => request.Path.StartsWith("v1/send_knock/") ? hold.Task : Task.CompletedTask;
        try
        {
            (await carl.PostAsync($"knock/{room.RoomId}?via={_peer.Peer.Name}")).Is(502, "M_UNKNOWN");

            Assert.That((await carl.SyncsAsync())["rooms"]!["knock"]![room.RoomId], Is.Not.Null);
            var since = await carl.SyncTokenAsync();
            var waiting = carl.WaitsAsync(since);
            hold.SetResult();
            var events = (await waiting)["rooms"]!["knock"]![room.RoomId]!["knock_state"]!["events"]!.AsArray();
            Assert.That(events.Select(each => (string)each!["type"]!), Does.Contain("m.room.name"));
        }
        finally
        {
            _peer.BeforeAnswer = _ => Task.CompletedTask;
            hold.TrySetResult();
        }
    }

    [Test]
    public async Task A_refused_knock_is_no_knock()
    {
        var dora = await _server.RegistersAsync("dora");
        var room = MembershipRoom.Create(_peer.Peer, "11", "knock");
        _peer.Answers = request => request.Path.StartsWith("v1/make_knock/")
            ? (200, room.Template(dora.UserId, "knock"))
            : AnsweringPeer.Error(403, "M_FORBIDDEN");

        (await dora.PostAsync($"knock/{room.RoomId}?via={_peer.Peer.Name}")).Is(403, "M_FORBIDDEN");

        Assert.That((await dora.SyncsAsync())["rooms"]?["knock"]?[room.RoomId], Is.Null);
        AnswersKnocks(room, dora);
        (await dora.PostAsync($"knock/{room.RoomId}?via={_peer.Peer.Name}")).Is(200);
        Assert.That((await dora.SyncsAsync())["rooms"]!["knock"]![room.RoomId], Is.Not.Null);
    }

    [TestCase("knock", "make", 400, "M_INCOMPATIBLE_ROOM_VERSION")]
    [TestCase("knock", "make", 404, "M_NOT_FOUND")]
    [TestCase("knock", "send", 400, "M_INVALID_PARAM")]
    [TestCase("knock", "send", 404, "M_NOT_FOUND")]
    [TestCase("join", "send", 400, "M_INVALID_PARAM")]
    [TestCase("join", "send", 403, "M_FORBIDDEN")]
    public async Task What_a_server_in_the_room_refuses_is_passed_on(
        string membership, string step, int status, string code)
    {
        var room = MembershipRoom.Create(_peer.Peer, "11", membership == "knock" ? "knock" : "public");
        var refused = $"/{step}_{membership}/";
        _peer.Answers = request => request.Path.Contains(refused, StringComparison.Ordinal)
            ? AnsweringPeer.Error(status, code)
            : (200, room.Template(_alice.UserId, membership));

        (await _alice.PostAsync($"{membership}/{room.RoomId}?via={_peer.Peer.Name}")).Is(status, code);

        Assert.That(_peer.Requests.Select(static request => request.Path), Has.Some.Contain(refused + room.RoomId));
        Assert.That((await _alice.SyncsAsync())["rooms"]?[membership]?[room.RoomId], Is.Null);
    }

    [Test]
    public async Task A_knock_is_known_after_a_restart_before_its_response()
    {
        await using var server = await ServerProcess.StartAsync();
        var erin = await server.RegistersAsync("erin");
        var room = MembershipRoom.Create(_peer.Peer, "11", "knock");
        var (hold, came) = (new TaskCompletionSource(), new TaskCompletionSource());
        AnswersKnocks(room, erin);
        _peer.BeforeAnswer = request =>
        {
            if (!request.Path.StartsWith("v1/send_knock/")) return Task.CompletedTask;
            came.TrySetResult();
            return hold.Task;
        };
        try
        {
            var knocking = erin.PostAsync($"knock/{room.RoomId}?via={_peer.Peer.Name}");
            await came.Task.WaitAsync(TimeSpan.FromSeconds(20));
            await server.Process.KillAsync();
            await server.Process.StartAsync();
            Assert.That(async () => await knocking, Throws.InstanceOf<HttpRequestException>());

            Assert.That((await erin.SyncsAsync())["rooms"]!["knock"]![room.RoomId], Is.Not.Null);
        }
        finally
        {
            _peer.BeforeAnswer = _ => Task.CompletedTask;
            hold.TrySetResult();
        }
    }

    [Test]
    public async Task A_knock_through_another_server_is_retracted_there()
    {
        var room = MembershipRoom.Create(_peer.Peer, "11", "knock");
        Pdu? leave = null;
        _peer.Answers = request =>
        {
            if (request.Path.StartsWith("v1/make_"))
            {
                var membership = request.Path.StartsWith("v1/make_knock") ? "knock" : "leave";
                return (200, room.Template(_alice.UserId, membership));
            }

            var taken = room.Knows(request.Body!);
            room.Takes(taken);
            if (request.Path.StartsWith("v2/send_leave/")) leave = taken;
            return (200, new JsonObject { ["knock_room_state"] = new JsonArray() });
        };
        (await _alice.PostAsync($"knock/{room.RoomId}?via={_peer.Peer.Name}")).Is(200);

        await _alice.LeavesAsync(room.RoomId);

        Assert.That(leave!.Content.Text("membership"), Is.EqualTo("leave"));
        Assert.That((await _alice.SyncsAsync())["rooms"]!["knock"]?[room.RoomId], Is.Null);
    }

    [Test]
    public async Task A_local_user_knocks_on_a_local_room()
    {
        var roomId = await KnockableAsync(_alice, "10");
        var carol = await _server.RegistersAsync("carol");
        var since = await carol.SyncTokenAsync();

        (await carol.PostAsync($"knock/{roomId}")).Is(200);
        (await carol.PostAsync($"knock/{roomId}")).Is(200);

        foreach (var sync in new[] { await carol.SyncsAsync(since), await carol.SyncsAsync() })
        {
            var shown = sync["rooms"]!["knock"]![roomId]!["knock_state"]!["events"]!.AsArray();
            Assert.That(shown.Count(each => (string)each!["type"]! == "m.room.create"), Is.EqualTo(1));
            Assert.That((string)shown[^1]!["content"]!["membership"]!, Is.EqualTo("knock"));
        }

        await carol.LeavesAsync(roomId);
        Assert.That((await carol.SyncsAsync())["rooms"]!["knock"]?[roomId], Is.Null);
        (await carol.PostAsync($"knock/{await _alice.CreatesRoomAsync(version: "10")}")).Is(403, "M_FORBIDDEN");
    }

    /// <summary>The peer lets a user knock on its room.</summary>
    private void AnswersKnocks(PeerRoom room, TestUser user) => _peer.Answers = request =>
    {
        if (request.Path.StartsWith("v1/make_knock/")) return (200, room.Template(user.UserId, "knock"));
        if (!request.Path.StartsWith("v1/send_knock/")) return null;
        return (200, new JsonObject
        {
            ["knock_room_state"] = room.InviteBody([])["invite_room_state"]!.DeepClone(),
        });
    };

    private static async Task<string> KnockableAsync(TestUser user, string version)
    {
        var roomId = await user.CreatesRoomAsync(version: version);
        await user.SetsAsync(roomId, "m.room.join_rules", new() { ["join_rule"] = "knock" });
        return roomId;
    }

    /// <summary>A room of this server to which the peer's user is invited.</summary>
    private async Task<(PeerRoom Room, JsonObject Invite)> InvitedAsync(string version)
    {
        var roomId = await _alice.CreatesRoomAsync(version: version);
        var room = new PeerRoom(_peer.Peer, version, roomId);
        JsonObject? invite = null;
        _peer.Answers = request =>
        {
            invite = room.CoSigned(request.Body!["event"]!.AsObject());
            return (200, new JsonObject { ["event"] = invite.DeepClone() });
        };
        await _alice.InvitesAsync(roomId, _bob);
        return (room, invite!);
    }

    private async Task<JsonObject> TemplateAsync(PeerRoom room, string membership, string query = "")
    {
        var path = $"/_matrix/federation/v1/make_{membership}/{PeerRoom.Escape(room.RoomId)}/{PeerRoom.Escape(_bob)}";
        var reply = await _peer.Peer.SendAsync(_server, "GET", path + query);
        var file = membership == "leave" ? "leaving-v1.yaml" : "knocks.yaml";
        return reply.Is(200).Matches(file, $"/make_{membership}/{{roomId}}/{{userId}}").Json;
    }

    private async Task<Pdu> MakeAsync(PeerRoom room, string membership, string query = "")
    {
        var made = await TemplateAsync(room, membership, query);
        Assert.That((string)made["room_version"]!, Is.EqualTo(room.Rules.Id));
        return room.Completes(made["event"]!.AsObject());
    }

    private Task<Reply> SendAsync(PeerRoom room, string membership, Pdu pdu, string api = "v2")
    {
        var path = $"/_matrix/federation/{api}/send_{membership}/{PeerRoom.Escape(room.RoomId)}/";
        return _peer.Peer.SendAsync(_server, "PUT", path + PeerRoom.Escape(pdu.EventId), PeerRoom.Json(pdu));
    }

    private async Task<string?> MembershipOfBobAsync(string roomId)
    {
        var reply = await _alice.GetAsync($"rooms/{roomId}/state/m.room.member/{_bob}");
        return reply.Status == 404 ? null : (string?)reply.Is(200).Json["membership"];
    }
}
