using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Crypto;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Invites;

/// <summary>Users of this server are invited to rooms of another, and the invites end.</summary>
public sealed class ReceivedInviteTests
{
    private InProcessServer _server = null!;
    private AnsweringPeer _peer = null!;
    private LocalUser _alice = null!;

    private static string[] Versions => ["1", "2", "6", "10", "11", "12"];

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _server = await InProcessServer.StartAsync(
            ("federation.custom_ca", TestCa.Shared.RootFile),
            ("federation.allow_networks", "127.0.0.0/8"),
            ("federation.handshake_time", "5s"));
        _peer = await AnsweringPeer.StartAsync();
        _server.Knows(_peer.Peer);
        _alice = await LocalUser.RegisterAsync(_server, "alice");
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _peer.DisposeAsync();
        await _server.DisposeAsync();
    }

    [TestCaseSource(nameof(Versions))]
    public async Task An_invite_is_signed_and_shown(string version)
    {
        var room = MembershipRoom.Create(_peer.Peer, version);
        var since = await _alice.SinceAsync();
        var template = PeerRoom.Json(room.Sets(_alice.UserId, "invite"));
        foreach (var name in (string[])["hashes", "signatures", "event_id"]) template.Remove(name);
        var invite = room.Complete(template);

        var reply = (await room.InviteAsync(_server, invite)).Is(200);

        var signed = reply.Matches("invites-v2.yaml", "/invite/{roomId}/{eventId}", "put").Json["event"]!.AsObject();
        AssertSignedByBoth(room, invite, signed);
        foreach (var sync in new[] { await _alice.SyncAsync(since), await _alice.SyncAsync(null) })
        {
            var events = sync["rooms"]!["invite"]![room.RoomId]!["invite_state"]!["events"]!.AsArray();
            Assert.That(
                events.Select(each => (string)each!["type"]!),
                Is.EquivalentTo(new[] { "m.room.create", "m.room.name", "m.room.join_rules", "m.room.member" }));
            Assert.That(events.Select(each => each!.AsObject().Count), Is.All.EqualTo(4));
            var member = events.Single(each => (string)each!["type"]! == "m.room.member")!;
            Assert.That((string)member["state_key"]!, Is.EqualTo(_alice.UserId));
            Assert.That((string)member["sender"]!, Is.EqualTo(invite.Sender));
        }
    }

    [TestCase("1")]
    [TestCase("2")]
    public async Task An_invite_of_the_first_api_is_signed_and_shown(string version)
    {
        var room = MembershipRoom.Create(_peer.Peer, version);
        var invite = room.Sets(_alice.UserId, "invite");
        var json = PeerRoom.Json(invite);
        json["unsigned"] = new JsonObject
        {
            ["invite_room_state"] = room.InviteBody([])["invite_room_state"]!.DeepClone(),
        };

        var reply = (await room.InviteAsync(_server, invite, json, "v1")).Is(200);

        var list = JsonNode.Parse(reply.Text)!.AsArray();
        Assert.That((int)list[0]!, Is.EqualTo(200));
        AssertSignedByBoth(room, invite, list[1]!["event"]!.AsObject());
        Assert.That((await _alice.SyncAsync(null))["rooms"]!["invite"]![room.RoomId], Is.Not.Null);
    }

    [TestCaseSource(nameof(Versions))]
    public async Task A_rejected_invite_is_left_through_the_inviters_server(string version)
    {
        var room = MembershipRoom.Create(_peer.Peer, version);
        var invite = room.Sets(_alice.UserId, "invite");
        (await room.InviteAsync(_server, invite)).Is(200);
        var since = await _alice.SinceAsync();
        JsonObject? leave = null;
        _peer.Answers = request =>
        {
            if (request.Path == $"v1/make_leave/{room.RoomId}/{_alice.UserId}")
            {
                return (200, room.Template(_alice.UserId, "leave"));
            }

            if (!request.Path.StartsWith($"v2/send_leave/{room.RoomId}/")) return null;
            leave = request.Body;
            return (200, new JsonObject());
        };

        (await _alice.PostAsync($"rooms/{room.RoomId}/leave", new JsonObject { ["reason"] = "No." })).Is(200);

        var pdu = room.Know(leave!);
        Assert.That((pdu.Sender, pdu.StateKey), Is.EqualTo((_alice.UserId, _alice.UserId)));
        Assert.That((string)leave!["content"]!["reason"]!, Is.EqualTo("No."));
        Assert.That(pdu.PrevEvents, Is.EqualTo(new[] { invite.EventId }));
        Assert.That(pdu.AuthEvents, Does.Contain(invite.EventId));
        AssertSignedByServer(room, leave);
        var left = (await _alice.SyncAsync(since))["rooms"]!["leave"]![room.RoomId]!;
        var shown = left["timeline"]!["events"]!.AsArray().Single()!;
        Assert.That((string)shown["event_id"]!, Is.EqualTo(pdu.EventId));
        Assert.That((string)shown["content"]!["membership"]!, Is.EqualTo("leave"));
        var now = (await _alice.SyncAsync(null))["rooms"]!;
        Assert.That(now["invite"]![room.RoomId], Is.Null);
        Assert.That(now["leave"]![room.RoomId], Is.Null);
        (await _alice.PostAsync($"rooms/{room.RoomId}/leave", [])).Is(200);
        (await _alice.PostAsync($"rooms/{room.RoomId}/forget", [])).Is(200);
        (await _alice.PostAsync($"rooms/{room.RoomId}/leave", [])).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task An_invite_of_a_dead_server_can_be_rejected()
    {
        var dead = await AnsweringPeer.StartAsync();
        _server.Knows(dead.Peer);
        var room = MembershipRoom.Create(dead.Peer, "11");
        (await room.InviteAsync(_server, room.Sets(_alice.UserId, "invite"))).Is(200);
        await dead.DisposeAsync();
        var since = await _alice.SinceAsync();

        (await _alice.PostAsync($"rooms/{room.RoomId}/forget", [])).Is(400, "M_UNKNOWN");
        (await _alice.PostAsync($"rooms/{room.RoomId}/leave", [])).Is(200);

        var rooms = (await _alice.SyncAsync(since))["rooms"]!;
        var shown = rooms["leave"]![room.RoomId]!["timeline"]!["events"]!.AsArray().Single()!;
        AssertLeaves(shown);
        Assert.That((await _alice.SyncAsync(null))["rooms"]!["invite"]![room.RoomId], Is.Null);
        foreach (var prefix in new[] { "", "org.matrix.msc4222." })
        {
            var path = $"sync?timeout=0&since={since}&{prefix}use_state_after=true";
            var left = (await _alice.GetAsync(path)).Is(200).Json["rooms"]!["leave"]![room.RoomId]!.AsObject();
            Assert.That(left.Select(each => each.Key), Is.EquivalentTo(new[] { prefix + "state_after", "timeline" }));
            AssertLeaves(left[prefix + "state_after"]!["events"]!.AsArray().Single()!);
            AssertLeaves(left["timeline"]!["events"]!.AsArray().Single()!);
        }

        var news = (await _alice.GetAsync($"events?from={since}&timeout=0")).Is(200).Json["chunk"]!.AsArray().Single()!;
        AssertLeaves(news);
        Assert.That((string)news["room_id"]!, Is.EqualTo(room.RoomId));
        var fields = Uri.EscapeDataString("""{"event_fields":["content"]}""");
        var few = (await _alice.GetAsync($"sync?timeout=0&since={since}&filter={fields}")).Is(200);
        Assert.That(
            few.Json["rooms"]!["leave"]![room.RoomId]!["timeline"]!["events"]![0]!.ToJsonString(),
            Is.EqualTo("""{"content":{"membership":"leave"}}"""));
        var noMembers = Uri.EscapeDataString("""{"room":{"timeline":{"not_types":["m.room.member"]}}}""");
        var reply = (await _alice.GetAsync($"sync?timeout=0&since={since}&filter={noMembers}")).Is(200);
        var filtered = reply.Json["rooms"]!["leave"]![room.RoomId]!;
        Assert.That(filtered["timeline"]!["events"]!.AsArray(), Is.Empty);
        AssertLeaves(filtered["state"]!["events"]!.AsArray().Single()!);
        (await _alice.PostAsync($"rooms/{room.RoomId}/forget", [])).Is(200);

        void AssertLeaves(JsonNode leave)
        {
            Assert.That(
                ((string?)leave["type"], (string?)leave["sender"], (string?)leave["state_key"],
                    (string?)leave["content"]!["membership"], (string?)leave["event_id"]),
                Is.EqualTo(("m.room.member", _alice.UserId, _alice.UserId, "leave", (string?)shown["event_id"])));
            var age = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - (long)leave["origin_server_ts"]!;
            Assert.That(age, Is.InRange(0, 60_000));
        }
    }

    [Test]
    public async Task A_client_of_sliding_sync_sees_that_a_dead_servers_invite_was_rejected()
    {
        var dead = await AnsweringPeer.StartAsync();
        _server.Knows(dead.Peer);
        var room = MembershipRoom.Create(dead.Peer, "11");
        (await room.InviteAsync(_server, room.Sets(_alice.UserId, "invite"))).Is(200);
        await dead.DisposeAsync();
        var invited = await SlideAsync(null);
        Assert.That(invited["rooms"]![room.RoomId]!["stripped_state"]!.AsArray(), Is.Not.Empty);

        (await _alice.PostAsync($"rooms/{room.RoomId}/leave", [])).Is(200);

        var left = (await SlideAsync((string)invited["pos"]!))["rooms"]![room.RoomId]!;
        Assert.That((string?)left["membership"], Is.EqualTo("leave"));
        foreach (var part in new[] { "stripped_state", "timeline" })
        {
            var own = left[part]!.AsArray().Single()!;
            Assert.That(
                ((string?)own["type"], (string?)own["state_key"], (string?)own["content"]!["membership"]),
                Is.EqualTo(("m.room.member", _alice.UserId, "leave")));
        }

        async Task<JsonNode> SlideAsync(string? pos)
        {
            var body = new JsonObject
            {
                ["conn_id"] = "stable",
                ["lists"] = new JsonObject
                {
                    ["all"] = new JsonObject
                    {
                        ["range"] = new JsonArray(0, 9),
                        ["timeline_limit"] = 1,
                        ["required_state"] = new JsonObject(),
                    },
                },
            };
            if (pos is not null) body["pos"] = pos;
            return (await _alice.PostAsync("../v4/sync", body)).Is(200).Json;
        }
    }

    [Test]
    public async Task A_client_of_older_sliding_sync_sees_that_a_dead_servers_invite_was_rejected()
    {
        var dead = await AnsweringPeer.StartAsync();
        _server.Knows(dead.Peer);
        var room = MembershipRoom.Create(dead.Peer, "11");
        (await room.InviteAsync(_server, room.Sets(_alice.UserId, "invite"))).Is(200);
        await dead.DisposeAsync();
        var invited = await SlideAsync(null);
        Assert.That(invited["rooms"]![room.RoomId]!["invite_state"]!.AsArray(), Is.Not.Empty);

        (await _alice.PostAsync($"rooms/{room.RoomId}/leave", [])).Is(200);

        var left = (await SlideAsync((string)invited["pos"]!))["rooms"]![room.RoomId]!;
        var own = left["required_state"]!.AsArray().Single()!;
        Assert.That(
            ((string?)own["type"], (string?)own["state_key"], (string?)own["content"]!["membership"]),
            Is.EqualTo(("m.room.member", _alice.UserId, "leave")));

        async Task<JsonNode> SlideAsync(string? pos) => (await _alice.PostAsync(
            "../unstable/org.matrix.simplified_msc3575/sync?timeout=0" + (pos is null ? "" : $"&pos={pos}"),
            new JsonObject
            {
                ["lists"] = new JsonObject
                {
                    ["all"] = new JsonObject
                    {
                        ["ranges"] = new JsonArray(new JsonArray(0, 9)),
                        ["timeline_limit"] = 1,
                        ["required_state"] = new JsonArray(),
                    },
                },
            })).Is(200).Json;
    }

    [Test]
    public async Task A_template_of_another_event_is_not_signed(
        [Values("type", "sender", "state_key", "room_id", "membership", "version")] string wrong)
    {
        var room = MembershipRoom.Create(_peer.Peer, "10");
        (await room.InviteAsync(_server, room.Sets(_alice.UserId, "invite"))).Is(200);
        var sent = 0;
        _peer.Answers = request =>
        {
            if (request.Path.StartsWith("v2/send_leave/")) sent++;
            if (!request.Path.StartsWith("v1/make_leave/")) return null;
            var template = room.Template(_alice.UserId, "leave");
            if (wrong == "version") template["room_version"] = "11";
            else if (wrong == "membership") template["event"]!["content"]!["membership"] = "join";
            else template["event"]![wrong] = wrong == "type" ? "m.room.message" : room.User("mallory");
            return (200, template);
        };

        (await _alice.PostAsync($"rooms/{room.RoomId}/leave", [])).Is(200);

        Assert.That(sent, Is.Zero);
        Assert.That((await _alice.SyncAsync(null))["rooms"]!["invite"]![room.RoomId], Is.Null);
    }

    [TestCaseSource(nameof(Versions))]
    public async Task The_inviters_server_takes_an_invite_back(string version)
    {
        var room = MembershipRoom.Create(_peer.Peer, version);
        var invite = room.Sets(_alice.UserId, "invite");
        (await room.InviteAsync(_server, invite)).Is(200);
        var since = await _alice.SinceAsync();
        var kick = room.Sets(_alice.UserId, version == "6" ? "ban" : "leave");
        var other = room.Say(MembershipRoom.Creator, "This server is not in the room.");

        var reply = await room.SendAsync(_server, "rescind" + version, kick, other);

        var pdus = reply.Is(200).Json["pdus"]!.AsObject();
        Assert.That(pdus[kick.EventId]!.AsObject(), Is.Empty);
        Assert.That(pdus[other.EventId]?["error"], version is "1" or "2" ? Is.Not.Null : Is.Null);
        var rooms = (await _alice.SyncAsync(since))["rooms"]!;
        var shown = rooms["leave"]![room.RoomId]!["timeline"]!["events"]!.AsArray().Single()!;
        Assert.That((string)shown["event_id"]!, Is.EqualTo(kick.EventId));
        var after = (await _alice.GetAsync($"sync?timeout=0&since={since}&use_state_after=true")).Is(200).Json;
        var state = after["rooms"]!["leave"]![room.RoomId]!["state_after"]!["events"]!.AsArray().Single()!;
        Assert.That((string)state["event_id"]!, Is.EqualTo(kick.EventId));
        Assert.That((await _alice.SyncAsync(null))["rooms"]!["invite"]![room.RoomId], Is.Null);
    }

    [Test]
    public async Task Only_the_inviters_server_takes_an_invite_back()
    {
        var stranger = new Peer("127.0.251.7:1");
        _server.Knows(stranger);
        var room = MembershipRoom.Create(_peer.Peer, "10");
        var invite = room.Sets(_alice.UserId, "invite");
        (await room.InviteAsync(_server, invite)).Is(200);
        var foreign = MembershipRoom.Create(stranger, "10");
        foreach (var pdu in room.Events.Values) _ = foreign.Know(PeerRoom.Json(pdu));

        // An event of the same room by another server, and one that does not name the invite.
        var forged = PeerRoom.Json(room.Sets(_alice.UserId, "leave"));
        forged["sender"] = foreign.User("mallory");
        foreach (var name in (string[])["hashes", "signatures"]) forged.Remove(name);
        var byStranger = foreign.Complete(forged);
        var unrelated = PeerRoom.Json(room.Sets(_alice.UserId, "leave"));
        unrelated["auth_events"] = new JsonArray(
            [.. room.State.Values.Where(pdu => pdu.Type != "m.room.member").Select(pdu => (JsonNode)pdu.EventId)]);
        foreach (var name in (string[])["hashes", "signatures"]) unrelated.Remove(name);
        var notNaming = room.Complete(unrelated);

        var first = await foreign.SendAsync(_server, "forged", byStranger);
        var second = await room.SendAsync(_server, "unrelated", notNaming);

        Assert.That((string?)first.Is(200).Json["pdus"]![byStranger.EventId]!["error"], Does.Contain("inviter"));
        Assert.That((string?)second.Is(200).Json["pdus"]![notNaming.EventId]!["error"], Does.Contain("auth events"));
        Assert.That((await _alice.SyncAsync(null))["rooms"]!["invite"]![room.RoomId], Is.Not.Null);
    }

    [Test]
    public async Task An_invite_stays_over_a_long_poll_and_wakes_it()
    {
        var room = MembershipRoom.Create(_peer.Peer, "11");
        var since = await _alice.SinceAsync();
        var waiting = _alice.SyncAsync(since, timeout: 20_000);

        (await room.InviteAsync(_server, room.Sets(_alice.UserId, "invite"))).Is(200);

        var sync = await waiting;
        Assert.That(sync["rooms"]!["invite"]![room.RoomId], Is.Not.Null);
        var next = await _alice.SyncAsync((string)sync["next_batch"]!);
        Assert.That(next["rooms"]?["invite"]?[room.RoomId], Is.Null);
    }

    [Test]
    public async Task Invites_of_ignored_users_are_not_shown_and_blocked_ones_are_refused()
    {
        var bob = await LocalUser.RegisterAsync(_server, "bob");
        var room = MembershipRoom.Create(_peer.Peer, "10");
        (await bob.PutAsync($"user/{bob.UserId}/account_data/m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject { [room.User(MembershipRoom.Creator)] = new JsonObject() },
        })).Is(200);
        (await room.InviteAsync(_server, room.Sets(bob.UserId, "invite"))).Is(200);
        Assert.That((await bob.SyncAsync(null))["rooms"]!["invite"]![room.RoomId], Is.Null);

        (await bob.PutAsync($"user/{bob.UserId}/account_data/m.invite_permission_config", new JsonObject
        {
            ["default_action"] = "block",
        })).Is(200);
        (await room.InviteAsync(_server, room.Sets(bob.UserId, "invite"))).Is(403, "M_INVITE_BLOCKED");
    }

    private static readonly string[] _faults =
    [
        "another origin", "path room", "path event", "another server's user", "no such user", "a deactivated user",
        "membership", "type", "signature", "no signature", "hash", "version", "form",
    ];

    [Test]
    public async Task What_is_no_invite_is_not_signed([ValueSource(nameof(_faults))] string fault)
    {
        var room = MembershipRoom.Create(_peer.Peer, "10");
        var userId = fault switch
        {
            "another server's user" => "@alice:elsewhere.example",
            "no such user" => $"@nobody:{_server.Name}",
            "a deactivated user" => await DeactivatedAsync(),
            _ => _alice.UserId,
        };
        var invite = fault switch
        {
            "membership" => room.Sets(userId, "leave"),
            "type" => room.Make(
                MembershipRoom.Creator, "m.room.mystery", userId, new JsonObject { ["membership"] = "invite" }),
            _ => room.Sets(userId, "invite"),
        };
        var body = room.InviteBody(PeerRoom.Json(invite));
        if (fault == "form") body["event"]!["depth"] = "deep";
        if (fault == "version") body["room_version"] = "org.example.unknown";
        if (fault == "no signature") body["event"]!["signatures"] = new JsonObject();
        if (fault == "signature")
        {
            body["event"]!["signatures"] = new JsonObject
            {
                [_peer.Peer.Name] = new JsonObject
                {
                    [_peer.Peer.Current.Key.Id] = Base64Text.Encode(new byte[64]),
                },
            };
        }

        if (fault == "hash") body["event"]!["content"]!["reason"] = "Not what was hashed.";
        var sender = fault == "another origin" ? new Peer("127.0.251.8:1") : _peer.Peer;
        _server.Knows(sender);
        var roomId = fault == "path room" ? "!other:" + _peer.Peer.Name : room.RoomId;
        var eventId = fault == "path event" ? "$other" : invite.EventId;

        var reply = await sender.SendAsync(
            _server,
            "PUT",
            $"/_matrix/federation/v2/invite/{PeerRoom.Escape(roomId)}/{PeerRoom.Escape(eventId)}",
            body);

        _ = fault switch
        {
            "no such user" or "a deactivated user" => reply.Is(404, "M_NOT_FOUND"),
            "version" => reply.Is(400, "M_INCOMPATIBLE_ROOM_VERSION"),
            "form" => reply.Is(400, "M_BAD_JSON"),
            _ => reply.Is(400, "M_INVALID_PARAM"),
        };
        Assert.That((string?)reply.Json["room_version"], Is.EqualTo(
            fault == "version" ? "org.example.unknown" : null));
        reply.Matches("invites-v2.yaml", "/invite/{roomId}/{eventId}", "put");
        var rooms = (await _alice.SyncAsync(null))["rooms"];
        Assert.That(rooms?["invite"]?[room.RoomId], Is.Null);
    }

    [Test]
    public async Task In_version_12_the_create_event_must_be_whole(
        [Values("missing", "stripped", "another room's", "unsigned")] string fault)
    {
        var room = MembershipRoom.Create(_peer.Peer, "12");
        var invite = room.Sets(_alice.UserId, "invite");
        var body = room.InviteBody(PeerRoom.Json(invite));
        var state = body["invite_room_state"]!.AsArray();
        var create = state.Single(each => (string)each!["type"]! == "m.room.create")!;
        state.Remove(create);
        if (fault == "stripped")
        {
            foreach (var name in (string[])["hashes", "signatures", "auth_events", "prev_events", "depth"])
            {
                create.AsObject().Remove(name);
            }
        }

        if (fault == "another room's")
        {
            await Task.Delay(5);
            create = PeerRoom.Json(MembershipRoom.Create(_peer.Peer, "12").State[("m.room.create", "")]);
        }

        if (fault == "unsigned") create["signatures"] = new JsonObject();
        if (fault != "missing") state.Add(create);

        var reply = await room.InviteAsync(_server, invite, body);

        reply.Is(400, "M_INVALID_PARAM");
        Assert.That((await _alice.SyncAsync(null))["rooms"]?["invite"]?[room.RoomId], Is.Null);
    }

    [TestCase("12")]
    [TestCase("10")]
    public async Task Other_entries_may_be_stripped_and_the_log_says_so(string version)
    {
        var room = MembershipRoom.Create(_peer.Peer, version);
        var invite = room.Sets(_alice.UserId, "invite");
        var body = room.InviteBody(PeerRoom.Json(invite));
        foreach (var entry in body["invite_room_state"]!.AsArray().Select(each => each!.AsObject()))
        {
            if (version == "12" && (string)entry["type"]! == "m.room.create") continue;
            foreach (var name in entry.Select(member => member.Key).ToArray())
            {
                if (name is not ("type" or "state_key" or "sender" or "content")) entry.Remove(name);
            }
        }

        (await room.InviteAsync(_server, invite, body)).Is(200);

        Assert.That((await _alice.SyncAsync(null))["rooms"]!["invite"]![room.RoomId], Is.Not.Null);
        Assert.That(_server.Log, Does.Contain(room.RoomId));
    }

    [Test]
    public async Task An_invite_to_a_room_that_is_here_is_shown_at_once_and_again_when_it_comes()
    {
        var roomId = await _alice.CreateRoomAsync("11");
        (await _alice.PutAsync($"rooms/{roomId}/state/m.room.power_levels", new JsonObject
        {
            ["users"] = new JsonObject { [_alice.UserId] = 100 },
            ["invite"] = 0,
        })).Is(200);
        (await _alice.PutAsync($"rooms/{roomId}/state/m.room.join_rules", new JsonObject { ["join_rule"] = "public" }))
            .Is(200);
        var room = await PeerRoom.JoinAsync(_server, _peer.Peer, roomId, "dora");
        (await _alice.PutAsync($"rooms/{roomId}/state/m.room.join_rules", new JsonObject { ["join_rule"] = "invite" }))
            .Is(200);
        var erin = await LocalUser.RegisterAsync(_server, "erin");
        var invite = room.Make(
            "dora", "m.room.member", erin.UserId, new JsonObject { ["membership"] = "invite" });

        (await room.InviteAsync(_server, invite)).Is(200);
        var first = await erin.SyncAsync(null);
        (await room.SendAsync(_server, "resident", invite)).Is(200);

        Assert.That(first["rooms"]!["invite"]![roomId], Is.Not.Null);
        var next = await erin.SyncAsync((string)first["next_batch"]!);
        var shown = next["rooms"]!["invite"]![roomId]!["invite_state"]!["events"]!.AsArray();
        Assert.That(shown.Count(each => (string?)each!["state_key"] == erin.UserId), Is.EqualTo(1));
        (await room.InviteAsync(_server, invite)).Is(200);
        (await erin.PostAsync($"rooms/{roomId}/join", [])).Is(200);
        var joined = (await erin.SyncAsync(null))["rooms"]!;
        Assert.That(joined["invite"]![roomId], Is.Null);
        Assert.That(joined["join"]![roomId], Is.Not.Null);
        (await room.InviteAsync(_server, invite)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task An_invite_to_a_room_that_is_here_comes_from_a_member()
    {
        var roomId = await _alice.CreateRoomAsync("11");
        var room = await PeerRoom.JoinAsync(_server, _peer.Peer, roomId, "dora");
        var fred = await LocalUser.RegisterAsync(_server, "fred");
        var stranger = room.Make(
            "stranger", "m.room.member", fred.UserId, new JsonObject { ["membership"] = "invite" });

        (await room.InviteAsync(_server, stranger)).Is(403, "M_FORBIDDEN");
        Assert.That((await fred.SyncAsync(null))["rooms"]?["invite"]?[roomId], Is.Null);
    }

    [TestCase("stranger", "made up", 403)]
    [TestCase("stranger", "token", 403)]
    [TestCase("dora", "token", 200)]
    public async Task A_third_party_invite_to_a_room_that_is_here_is_one_of_its_sender(
        string sender, string token, int status)
    {
        var roomId = await _alice.CreateRoomAsync("11");
        (await _alice.PutAsync($"rooms/{roomId}/state/m.room.power_levels", new JsonObject
        {
            ["users"] = new JsonObject { [_alice.UserId] = 100 },
            ["invite"] = 0,
        })).Is(200);
        var room = await PeerRoom.JoinAsync(_server, _peer.Peer, roomId, "dora");
        var fred = await LocalUser.RegisterAsync(_server, $"fred-{sender}-{token.Length}");
        var offer = room.Make("dora", "m.room.third_party_invite", "token", new JsonObject
        {
            ["display_name"] = "f...",
            ["public_key"] = "c29tZSBrZXk",
            ["key_validity_url"] = "https://identity.example/valid",
        });
        (await room.SendAsync(_server, $"offer-{sender}-{token.Length}", offer)).Is(200);
        await Until.HoldsAsync(async () =>
            (await _alice.GetAsync($"rooms/{roomId}/state/m.room.third_party_invite/token")).Status == 200);
        var invite = room.Make(sender, "m.room.member", fred.UserId, new JsonObject
        {
            ["membership"] = "invite",
            ["third_party_invite"] = new JsonObject
            {
                ["display_name"] = "f...",
                ["signed"] = new JsonObject
                {
                    ["mxid"] = fred.UserId,
                    ["token"] = token,
                    ["signatures"] = new JsonObject(),
                },
            },
        });

        var answer = await room.InviteAsync(_server, invite);
        Assert.That(answer.Status, Is.EqualTo(status), $"{answer.Json}");
    }

    [Test]
    public async Task A_deactivated_user_rejects_open_invites()
    {
        var room = MembershipRoom.Create(_peer.Peer, "11");
        var user = await LocalUser.RegisterAsync(_server, "leaver");
        (await room.InviteAsync(_server, room.Sets(user.UserId, "invite"))).Is(200);
        var left = new TaskCompletionSource();
        _peer.Answers = request =>
        {
            if (request.Path.StartsWith($"v1/make_leave/{room.RoomId}/"))
            {
                return (200, room.Template(user.UserId, "leave"));
            }

            if (!request.Path.StartsWith($"v2/send_leave/{room.RoomId}/")) return null;
            left.TrySetResult();
            return (200, new JsonObject());
        };

        await DeactivateAsync(user, "leaver");

        await left.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Test]
    public async Task A_deactivation_does_not_wait_long_for_silent_servers()
    {
        await using var server = await InProcessServer.StartAsync(("limits.departure_time", "2s"));
        await using var silent = await AnsweringPeer.StartAsync();
        server.Knows(silent.Peer);
        var user = await LocalUser.RegisterAsync(server, "patient");
        for (var n = 0; n < 4; n++)
        {
            var room = MembershipRoom.Create(silent.Peer, "11");
            (await room.InviteAsync(server, room.Sets(user.UserId, "invite"))).Is(200);
        }

        var (hold, waiting) = (new TaskCompletionSource(), 0);
        silent.BeforeAnswer = _ =>
        {
            Interlocked.Increment(ref waiting);
            return hold.Task;
        };
        var started = DateTime.UtcNow;

        await DeactivateAsync(user, "patient");

        // A leave takes up to twenty seconds.
        Assert.That(DateTime.UtcNow - started, Is.LessThan(TimeSpan.FromSeconds(15)));
        for (var n = 0; n < 400 && Volatile.Read(ref waiting) < 4; n++) await Task.Delay(20);
        Assert.That(waiting, Is.EqualTo(4), "the rooms are left side by side");
        hold.SetResult();
    }

    [Test]
    public async Task A_repeated_invite_does_not_open_a_rejected_one_again([Values] bool isTakenBack)
    {
        var room = MembershipRoom.Create(_peer.Peer, "11");
        var invite = room.Sets(_alice.UserId, "invite");
        (await room.InviteAsync(_server, invite)).Is(200);
        (await room.InviteAsync(_server, invite)).Is(200);
        if (isTakenBack)
        {
            (await room.SendAsync(_server, "back" + room.RoomId[1..5], room.Sets(_alice.UserId, "leave"))).Is(200);
        }
        else
        {
            _peer.Answers = _ => AnsweringPeer.Error(404, "M_NOT_FOUND");
            (await _alice.PostAsync($"rooms/{room.RoomId}/leave", [])).Is(200);
        }

        (await room.InviteAsync(_server, invite)).Is(403, "M_FORBIDDEN");

        Assert.That((await _alice.SyncAsync(null))["rooms"]?["invite"]?[room.RoomId], Is.Null);
        (await room.InviteAsync(_server, room.Sets(_alice.UserId, "invite"))).Is(200);
        Assert.That((await _alice.SyncAsync(null))["rooms"]!["invite"]![room.RoomId], Is.Not.Null);
    }

    [Test]
    public async Task Invites_of_a_user_and_their_state_are_bounded()
    {
        await using var server = await InProcessServer.StartAsync(
            ("limits.open_invites", "1"), ("limits.stripped_events", "2"));
        server.Knows(_peer.Peer);
        var user = await LocalUser.RegisterAsync(server, "popular");
        var first = MembershipRoom.Create(_peer.Peer, "11");
        var second = MembershipRoom.Create(_peer.Peer, "11");

        (await first.InviteAsync(server, first.Sets(user.UserId, "invite"))).Is(200);
        (await second.InviteAsync(server, second.Sets(user.UserId, "invite"))).Is(403, "M_FORBIDDEN");

        var invited = (await user.SyncAsync(null))["rooms"]!["invite"]!.AsObject();
        Assert.That(invited.Single().Key, Is.EqualTo(first.RoomId));
        var events = invited.Single().Value!["invite_state"]!["events"]!.AsArray();
        Assert.That((events.Count, (string)events[0]!["type"]!), Is.EqualTo((3, "m.room.create")));
    }

    [TestCase("10")]
    [TestCase("12")]
    public async Task A_strict_server_refuses_stripped_state(string version)
    {
        await using var server = await InProcessServer.StartAsync(("federation.strict_invite_state", "true"));
        server.Knows(_peer.Peer);
        var user = await LocalUser.RegisterAsync(server, "strict");
        var room = MembershipRoom.Create(_peer.Peer, version);
        var invite = room.Sets(user.UserId, "invite");
        var body = room.InviteBody(PeerRoom.Json(invite));
        body["invite_room_state"]!.AsArray().Single(each => (string)each!["type"]! == "m.room.name")!.AsObject()
            .Remove("signatures");

        (await room.InviteAsync(server, invite, body)).Is(400, "M_INVALID_PARAM");
        (await room.InviteAsync(server, invite)).Is(200);
    }

    [Test]
    public async Task One_user_sends_another_few_invites_and_neither_the_sender_nor_the_target_blocks_others()
    {
        await using var server = await InProcessServer.StartAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.invites_per_second", "0.001"),
            ("rate_limits.invites_burst", "2"));
        server.Knows(_peer.Peer);
        var alice = await LocalUser.RegisterAsync(server, "alice");
        var bob = await LocalUser.RegisterAsync(server, "bob");

        for (var n = 0; n < 2; n++)
        {
            var room = MembershipRoom.Create(_peer.Peer, "11");
            (await room.InviteAsync(server, room.Sets(alice.UserId, "invite"))).Is(200);
        }

        var last = MembershipRoom.Create(_peer.Peer, "11");
        (await last.InviteAsync(server, last.Sets(alice.UserId, "invite"))).Is(429, "M_LIMIT_EXCEEDED");
        (await last.InviteAsync(server, last.Sets(bob.UserId, "invite"))).Is(200);
        var join = last.Make("dan", "m.room.member", last.User("dan"), new() { ["membership"] = "join" });
        last.Takes(join);
        var byDan = last.Make("dan", "m.room.member", alice.UserId, new() { ["membership"] = "invite" });
        (await last.InviteAsync(server, byDan)).Is(200);
    }

    private async Task<string> DeactivatedAsync()
    {
        var user = await LocalUser.RegisterAsync(_server, "gone");
        await DeactivateAsync(user, "gone");
        return user.UserId;
    }

    private static async Task DeactivateAsync(LocalUser user, string name)
    {
        var password = new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = name },
            ["password"] = name + "-password",
        };
        (await user.PostAsync("account/deactivate", new JsonObject { ["auth"] = password })).Is(200);
    }

    private void AssertSignedByBoth(PeerRoom room, Core.Event.Pdu invite, JsonObject signed)
    {
        var unsigned = signed.DeepClone().AsObject();
        unsigned["signatures"]!.AsObject().Remove(_server.Name);
        var sent = PeerRoom.Json(invite);
        unsigned.Remove("unsigned");
        Assert.That(JsonNode.DeepEquals(unsigned, sent), unsigned.ToJsonString());
        AssertSignedByServer(room, signed);
    }

    private void AssertSignedByServer(PeerRoom room, JsonObject signed)
    {
        var key = _server.Services.GetRequiredService<SigningKeyRing>().InUse;
        var signature = (string)signed["signatures"]![_server.Name]![key.Id]!;
        Assert.That(room.IsSigned(signed, key.Key.PublicKey, signature), signed.ToJsonString());
    }
}
