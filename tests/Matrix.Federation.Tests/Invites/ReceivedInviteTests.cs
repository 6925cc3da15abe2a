using System.Text.Json.Nodes;
using Matrix.Host.Crypto;

namespace Matrix.Federation.Tests.Invites;

/// <summary>Users of this server are invited to rooms of another: what is signed, shown and refused.</summary>
public sealed class ReceivedInviteTests : InvitedUserTests
{
    [TestCaseSource(nameof(Versions))]
    public async Task An_invite_is_signed_and_shown(string version)
    {
        var room = MembershipRoom.Create(Peer.Peer, version);
        var since = await Alice.SyncTokenAsync();
        var template = PeerRoom.Json(room.Sets(Alice.UserId, "invite"));
        foreach (var name in (string[])["hashes", "signatures", "event_id"]) template.Remove(name);
        var invite = room.Completes(template);

        var reply = (await room.InvitesAsync(Server, invite)).Is(200);

        var signed = reply.Matches("invites-v2.yaml", "/invite/{roomId}/{eventId}", "put").Json["event"]!.AsObject();
        AssertSignedByBoth(room, invite, signed);
        foreach (var sync in new[] { await Alice.SyncsAsync(since), await Alice.SyncsAsync() })
        {
            var events = sync["rooms"]!["invite"]![room.RoomId]!["invite_state"]!["events"]!.AsArray();
            Assert.That(
                events.Select(each => (string)each!["type"]!),
                Is.EquivalentTo(new[] { "m.room.create", "m.room.name", "m.room.join_rules", "m.room.member" }));
            Assert.That(events.Select(each => each!.AsObject().Count), Is.All.EqualTo(4));
            var member = events.Single(each => (string)each!["type"]! == "m.room.member")!;
            Assert.That((string)member["state_key"]!, Is.EqualTo(Alice.UserId));
            Assert.That((string)member["sender"]!, Is.EqualTo(invite.Sender));
        }
    }

    [TestCase("1")]
    [TestCase("2")]
    public async Task An_invite_of_the_first_api_is_signed_and_shown(string version)
    {
        var room = MembershipRoom.Create(Peer.Peer, version);
        var invite = room.Sets(Alice.UserId, "invite");
        var json = PeerRoom.Json(invite);
        json["unsigned"] = new JsonObject
        {
            ["invite_room_state"] = room.InviteBody([])["invite_room_state"]!.DeepClone(),
        };

        var reply = (await room.InvitesAsync(Server, invite, json, "v1")).Is(200);

        var list = JsonNode.Parse(reply.Text)!.AsArray();
        Assert.That((int)list[0]!, Is.EqualTo(200));
        AssertSignedByBoth(room, invite, list[1]!["event"]!.AsObject());
        Assert.That((await Alice.SyncsAsync())["rooms"]!["invite"]![room.RoomId], Is.Not.Null);
    }

    [Test]
    public async Task An_invite_stays_over_a_long_poll_and_wakes_it()
    {
        var room = MembershipRoom.Create(Peer.Peer, "11");
        var since = await Alice.SyncTokenAsync();
        var waiting = Alice.WaitsAsync(since);

        (await room.InvitesAsync(Server, room.Sets(Alice.UserId, "invite"))).Is(200);

        var sync = await waiting;
        Assert.That(sync["rooms"]!["invite"]![room.RoomId], Is.Not.Null);
        var next = await Alice.SyncsAsync((string)sync["next_batch"]!);
        Assert.That(next["rooms"]?["invite"]?[room.RoomId], Is.Null);
    }

    [Test]
    public async Task Invites_of_ignored_users_are_not_shown_and_blocked_ones_are_refused()
    {
        var bob = await Server.RegistersAsync("bob");
        var room = MembershipRoom.Create(Peer.Peer, "10");
        (await bob.PutAsync($"user/{bob.UserId}/account_data/m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject { [room.User(MembershipRoom.Creator)] = new JsonObject() },
        })).Is(200);
        (await room.InvitesAsync(Server, room.Sets(bob.UserId, "invite"))).Is(200);
        Assert.That((await bob.SyncsAsync())["rooms"]!["invite"]![room.RoomId], Is.Null);

        (await bob.PutAsync($"user/{bob.UserId}/account_data/m.invite_permission_config", new JsonObject
        {
            ["default_action"] = "block",
        })).Is(200);
        (await room.InvitesAsync(Server, room.Sets(bob.UserId, "invite"))).Is(403, "M_INVITE_BLOCKED");
    }

    private static readonly string[] _faults =
    [
        "another origin", "path room", "path event", "another server's user", "no such user", "a deactivated user",
        "membership", "type", "signature", "no signature", "hash", "version", "form",
    ];

    [Test]
    public async Task What_is_no_invite_is_not_signed([ValueSource(nameof(_faults))] string fault)
    {
        var room = MembershipRoom.Create(Peer.Peer, "10");
        var userId = fault switch
        {
            "another server's user" => "@alice:elsewhere.example",
            "no such user" => $"@nobody:{Server.Name}",
            "a deactivated user" => await DeactivatedAsync(),
            _ => Alice.UserId,
        };
        var invite = fault switch
        {
            "membership" => room.Sets(userId, "leave"),
            "type" => room.Makes(
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
                [Peer.Peer.Name] = new JsonObject
                {
                    [Peer.Peer.Current.Key.Id] = Base64Text.Encode(new byte[64]),
                },
            };
        }

        if (fault == "hash") body["event"]!["content"]!["reason"] = "Not what was hashed.";
        var sender = fault == "another origin" ? new Peer("127.0.251.8:1") : Peer.Peer;
        Server.Knows(sender);
        var roomId = fault == "path room" ? "!other:" + Peer.Peer.Name : room.RoomId;
        var eventId = fault == "path event" ? "$other" : invite.EventId;

        var reply = await sender.SendAsync(
            Server,
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
        var rooms = (await Alice.SyncsAsync())["rooms"];
        Assert.That(rooms?["invite"]?[room.RoomId], Is.Null);
    }

    [Test]
    public async Task In_version_12_the_create_event_must_be_whole(
        [Values("missing", "stripped", "another room's", "unsigned")] string fault)
    {
        var room = MembershipRoom.Create(Peer.Peer, "12");
        var invite = room.Sets(Alice.UserId, "invite");
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
            create = PeerRoom.Json(MembershipRoom.Create(Peer.Peer, "12").State[("m.room.create", "")]);
        }

        if (fault == "unsigned") create["signatures"] = new JsonObject();
        if (fault != "missing") state.Add(create);

        var reply = await room.InvitesAsync(Server, invite, body);

        reply.Is(400, "M_INVALID_PARAM");
        Assert.That((await Alice.SyncsAsync())["rooms"]?["invite"]?[room.RoomId], Is.Null);
    }

    [TestCase("12")]
    [TestCase("10")]
    public async Task Other_entries_may_be_stripped_and_the_log_says_so(string version)
    {
        var room = MembershipRoom.Create(Peer.Peer, version);
        var invite = room.Sets(Alice.UserId, "invite");
        var body = room.InviteBody(PeerRoom.Json(invite));
        foreach (var entry in body["invite_room_state"]!.AsArray().Select(each => each!.AsObject()))
        {
            if (version == "12" && (string)entry["type"]! == "m.room.create") continue;
            foreach (var name in entry.Select(member => member.Key).ToArray())
            {
                if (name is not ("type" or "state_key" or "sender" or "content")) entry.Remove(name);
            }
        }

        (await room.InvitesAsync(Server, invite, body)).Is(200);

        Assert.That((await Alice.SyncsAsync())["rooms"]!["invite"]![room.RoomId], Is.Not.Null);
        Assert.That(Server.Log, Does.Contain(room.RoomId));
    }

    [Test]
    public async Task An_invite_to_a_room_that_is_here_is_shown_at_once_and_again_when_it_comes()
    {
        var roomId = await Alice.CreatesRoomAsync(version: "11");
        await Alice.SetsAsync(roomId, "m.room.power_levels", new()
        {
            ["users"] = new JsonObject { [Alice.UserId] = 100 },
            ["invite"] = 0,
        });
        await Alice.SetsAsync(roomId, "m.room.join_rules", new() { ["join_rule"] = "public" });
        var room = await Peer.Peer.JoinsAsync(Server, roomId, "dora");
        await Alice.SetsAsync(roomId, "m.room.join_rules", new() { ["join_rule"] = "invite" });
        var erin = await Server.RegistersAsync("erin");
        var invite = room.Makes(
            "dora", "m.room.member", erin.UserId, new JsonObject { ["membership"] = "invite" });

        (await room.InvitesAsync(Server, invite)).Is(200);
        var first = await erin.SyncsAsync();
        (await room.SendAsync(Server, "resident", invite)).Is(200);

        Assert.That(first["rooms"]!["invite"]![roomId], Is.Not.Null);
        var next = await erin.SyncsAsync((string)first["next_batch"]!);
        var shown = next["rooms"]!["invite"]![roomId]!["invite_state"]!["events"]!.AsArray();
        Assert.That(shown.Count(each => (string?)each!["state_key"] == erin.UserId), Is.EqualTo(1));
        (await room.InvitesAsync(Server, invite)).Is(200);
        await erin.JoinsAsync(roomId);
        var joined = (await erin.SyncsAsync())["rooms"]!;
        Assert.That(joined["invite"]![roomId], Is.Null);
        Assert.That(joined["join"]![roomId], Is.Not.Null);
        (await room.InvitesAsync(Server, invite)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task An_invite_to_a_room_that_is_here_comes_from_a_member()
    {
        var roomId = await Alice.CreatesRoomAsync(version: "11");
        var room = await Peer.Peer.JoinsAsync(Server, roomId, "dora");
        var fred = await Server.RegistersAsync("fred");
        var stranger = room.Makes(
            "stranger", "m.room.member", fred.UserId, new JsonObject { ["membership"] = "invite" });

        (await room.InvitesAsync(Server, stranger)).Is(403, "M_FORBIDDEN");
        Assert.That((await fred.SyncsAsync())["rooms"]?["invite"]?[roomId], Is.Null);
    }

    [TestCase("stranger", "made up", 403)]
    [TestCase("stranger", "token", 403)]
    [TestCase("dora", "token", 200)]
    public async Task A_third_party_invite_to_a_room_that_is_here_is_one_of_its_sender(
        string sender, string token, int status)
    {
        var roomId = await Alice.CreatesRoomAsync(version: "11");
        await Alice.SetsAsync(roomId, "m.room.power_levels", new()
        {
            ["users"] = new JsonObject { [Alice.UserId] = 100 },
            ["invite"] = 0,
        });
        var room = await Peer.Peer.JoinsAsync(Server, roomId, "dora");
        var fred = await Server.RegistersAsync($"fred-{sender}-{token.Length}");
        var offer = room.Makes("dora", "m.room.third_party_invite", "token", new JsonObject
        {
            ["display_name"] = "f...",
            ["public_key"] = "c29tZSBrZXk",
            ["key_validity_url"] = "https://identity.example/valid",
        });
        (await room.SendAsync(Server, $"offer-{sender}-{token.Length}", offer)).Is(200);
        await Until.HoldsAsync(async () =>
            (await Alice.GetAsync($"rooms/{roomId}/state/m.room.third_party_invite/token")).Status == 200);
        var invite = room.Makes(sender, "m.room.member", fred.UserId, new JsonObject
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

        var answer = await room.InvitesAsync(Server, invite);
        Assert.That(answer.Status, Is.EqualTo(status), $"{answer.Json}");
    }

    [Test]
    public async Task Invites_of_a_user_and_their_state_are_bounded()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(
            ("limits.open_invites", "1"), ("limits.stripped_events", "2"));
        server.Knows(Peer.Peer);
        var user = await server.RegistersAsync("popular");
        var first = MembershipRoom.Create(Peer.Peer, "11");
        var second = MembershipRoom.Create(Peer.Peer, "11");

        (await first.InvitesAsync(server, first.Sets(user.UserId, "invite"))).Is(200);
        (await second.InvitesAsync(server, second.Sets(user.UserId, "invite"))).Is(403, "M_FORBIDDEN");

        var invited = (await user.SyncsAsync())["rooms"]!["invite"]!.AsObject();
        Assert.That(invited.Single().Key, Is.EqualTo(first.RoomId));
        var events = invited.Single().Value!["invite_state"]!["events"]!.AsArray();
        Assert.That((events.Count, (string)events[0]!["type"]!), Is.EqualTo((3, "m.room.create")));
    }

    [TestCase("10")]
    [TestCase("12")]
    public async Task A_strict_server_refuses_stripped_state(string version)
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(("federation.strict_invite_state", "true"));
        server.Knows(Peer.Peer);
        var user = await server.RegistersAsync("strict");
        var room = MembershipRoom.Create(Peer.Peer, version);
        var invite = room.Sets(user.UserId, "invite");
        var body = room.InviteBody(PeerRoom.Json(invite));
        body["invite_room_state"]!.AsArray().Single(each => (string)each!["type"]! == "m.room.name")!.AsObject()
            .Remove("signatures");

        (await room.InvitesAsync(server, invite, body)).Is(400, "M_INVALID_PARAM");
        (await room.InvitesAsync(server, invite)).Is(200);
    }

    [Test]
    public async Task One_user_sends_another_few_invites_and_neither_the_sender_nor_the_target_blocks_others()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(
            ("rate_limits.enabled", "true"),
            ("rate_limits.invites_per_second", "0.001"),
            ("rate_limits.invites_burst", "2"));
        server.Knows(Peer.Peer);
        var alice = await server.RegistersAsync("alice");
        var bob = await server.RegistersAsync("bob");

        for (var n = 0; n < 2; n++)
        {
            var room = MembershipRoom.Create(Peer.Peer, "11");
            (await room.InvitesAsync(server, room.Sets(alice.UserId, "invite"))).Is(200);
        }

        var last = MembershipRoom.Create(Peer.Peer, "11");
        (await last.InvitesAsync(server, last.Sets(alice.UserId, "invite"))).Is(429, "M_LIMIT_EXCEEDED");
        (await last.InvitesAsync(server, last.Sets(bob.UserId, "invite"))).Is(200);
        var join = last.Makes("dan", "m.room.member", last.User("dan"), new() { ["membership"] = "join" });
        last.Takes(join);
        var byDan = last.Makes("dan", "m.room.member", alice.UserId, new() { ["membership"] = "invite" });
        (await last.InvitesAsync(server, byDan)).Is(200);
    }

    private async Task<string> DeactivatedAsync()
    {
        var user = await Server.RegistersAsync("gone");
        await DeactivateAsync(user, "gone");
        return user.UserId;
    }

    private void AssertSignedByBoth(PeerRoom room, Core.Event.Pdu invite, JsonObject signed)
    {
        var unsigned = signed.DeepClone().AsObject();
        unsigned["signatures"]!.AsObject().Remove(Server.Name);
        var sent = PeerRoom.Json(invite);
        unsigned.Remove("unsigned");
        Assert.That(JsonNode.DeepEquals(unsigned, sent), unsigned.ToJsonString());
        AssertSignedByServer(room, signed);
    }
}
