using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Invites;

/// <summary>
/// Invites to rooms of another server end: rejected, taken back, or by the end of the account. A server that is gone
/// keeps no invite open.
/// </summary>
public sealed class EndedInviteTests : InvitedUserTests
{
    [TestCaseSource(nameof(Versions))]
    public async Task A_rejected_invite_is_left_through_the_inviters_server(string version)
    {
        var room = MembershipRoom.Create(Peer.Peer, version);
        var invite = room.Sets(Alice.UserId, "invite");
        (await room.InvitesAsync(Server, invite)).Is(200);
        var since = await Alice.SyncTokenAsync();
        JsonObject? leave = null;
        Peer.Answers = request =>
        {
            if (request.Path == $"v1/make_leave/{room.RoomId}/{Alice.UserId}")
            {
                return (200, room.Template(Alice.UserId, "leave"));
            }

            if (!request.Path.StartsWith($"v2/send_leave/{room.RoomId}/")) return null;
            leave = request.Body;
            return (200, new JsonObject());
        };

        (await Alice.PostAsync($"rooms/{room.RoomId}/leave", new JsonObject { ["reason"] = "No." })).Is(200);

        var pdu = room.Knows(leave!);
        Assert.That((pdu.Sender, pdu.StateKey), Is.EqualTo((Alice.UserId, Alice.UserId)));
        Assert.That((string)leave!["content"]!["reason"]!, Is.EqualTo("No."));
        Assert.That(pdu.PrevEvents, Is.EqualTo(new[] { invite.EventId }));
        Assert.That(pdu.AuthEvents, Does.Contain(invite.EventId));
        AssertSignedByServer(room, leave);
        var left = (await Alice.SyncsAsync(since))["rooms"]!["leave"]![room.RoomId]!;
        var shown = left["timeline"]!["events"]!.AsArray().Single()!;
        Assert.That((string)shown["event_id"]!, Is.EqualTo(pdu.EventId));
        Assert.That((string)shown["content"]!["membership"]!, Is.EqualTo("leave"));
        var now = (await Alice.SyncsAsync())["rooms"]!;
        Assert.That(now["invite"]![room.RoomId], Is.Null);
        Assert.That(now["leave"]![room.RoomId], Is.Null);
        await Alice.LeavesAsync(room.RoomId);
        (await Alice.PostAsync($"rooms/{room.RoomId}/forget")).Is(200);
        (await Alice.PostAsync($"rooms/{room.RoomId}/leave")).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task An_invite_of_a_dead_server_can_be_rejected()
    {
        var dead = await AnsweringPeer.StartAsync();
        Server.Knows(dead.Peer);
        var room = MembershipRoom.Create(dead.Peer, "11");
        (await room.InvitesAsync(Server, room.Sets(Alice.UserId, "invite"))).Is(200);
        await dead.DisposeAsync();
        var since = await Alice.SyncTokenAsync();

        (await Alice.PostAsync($"rooms/{room.RoomId}/forget")).Is(400, "M_UNKNOWN");
        await Alice.LeavesAsync(room.RoomId);

        var rooms = (await Alice.SyncsAsync(since))["rooms"]!;
        var shown = rooms["leave"]![room.RoomId]!["timeline"]!["events"]!.AsArray().Single()!;
        AssertLeaves(shown);
        Assert.That((await Alice.SyncsAsync())["rooms"]!["invite"]![room.RoomId], Is.Null);
        foreach (var prefix in new[] { "", "org.matrix.msc4222." })
        {
            var path = $"sync?timeout=0&since={since}&{prefix}use_state_after=true";
            var left = (await Alice.GetAsync(path)).Is(200).Json["rooms"]!["leave"]![room.RoomId]!.AsObject();
            Assert.That(left.Select(each => each.Key), Is.EquivalentTo(new[] { prefix + "state_after", "timeline" }));
            AssertLeaves(left[prefix + "state_after"]!["events"]!.AsArray().Single()!);
            AssertLeaves(left["timeline"]!["events"]!.AsArray().Single()!);
        }

        var news = (await Alice.GetAsync($"events?from={since}&timeout=0")).Is(200).Json["chunk"]!.AsArray().Single()!;
        AssertLeaves(news);
        Assert.That((string)news["room_id"]!, Is.EqualTo(room.RoomId));
        var fields = Uri.EscapeDataString("""{"event_fields":["content"]}""");
        var few = (await Alice.GetAsync($"sync?timeout=0&since={since}&filter={fields}")).Is(200);
        Assert.That(
            few.Json["rooms"]!["leave"]![room.RoomId]!["timeline"]!["events"]![0]!.ToJsonString(),
            Is.EqualTo("""{"content":{"membership":"leave"}}"""));
        var noMembers = Uri.EscapeDataString("""{"room":{"timeline":{"not_types":["m.room.member"]}}}""");
        var reply = (await Alice.GetAsync($"sync?timeout=0&since={since}&filter={noMembers}")).Is(200);
        var filtered = reply.Json["rooms"]!["leave"]![room.RoomId]!;
        Assert.That(filtered["timeline"]!["events"]!.AsArray(), Is.Empty);
        AssertLeaves(filtered["state"]!["events"]!.AsArray().Single()!);
        (await Alice.PostAsync($"rooms/{room.RoomId}/forget")).Is(200);

        void AssertLeaves(JsonNode leave)
        {
            Assert.That(
                ((string?)leave["type"], (string?)leave["sender"], (string?)leave["state_key"],
                    (string?)leave["content"]!["membership"], (string?)leave["event_id"]),
                Is.EqualTo(("m.room.member", Alice.UserId, Alice.UserId, "leave", (string?)shown["event_id"])));
            var age = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - (long)leave["origin_server_ts"]!;
            Assert.That(age, Is.InRange(0, 60_000));
        }
    }

    [Test]
    public async Task A_client_of_sliding_sync_sees_that_a_dead_servers_invite_was_rejected()
    {
        var dead = await AnsweringPeer.StartAsync();
        Server.Knows(dead.Peer);
        var room = MembershipRoom.Create(dead.Peer, "11");
        (await room.InvitesAsync(Server, room.Sets(Alice.UserId, "invite"))).Is(200);
        await dead.DisposeAsync();
        var invited = await SlideAsync(null);
        Assert.That(invited["rooms"]![room.RoomId]!["stripped_state"]!.AsArray(), Is.Not.Empty);

        await Alice.LeavesAsync(room.RoomId);

        var left = (await SlideAsync((string)invited["pos"]!))["rooms"]![room.RoomId]!;
        Assert.That((string?)left["membership"], Is.EqualTo("leave"));
        foreach (var part in new[] { "stripped_state", "timeline" })
        {
            var own = left[part]!.AsArray().Single()!;
            Assert.That(
                ((string?)own["type"], (string?)own["state_key"], (string?)own["content"]!["membership"]),
                Is.EqualTo(("m.room.member", Alice.UserId, "leave")));
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
            return (await Alice.PostAsync("/_matrix/client/v4/sync", body)).Is(200).Json;
        }
    }

    [Test]
    public async Task A_client_of_older_sliding_sync_sees_that_a_dead_servers_invite_was_rejected()
    {
        var dead = await AnsweringPeer.StartAsync();
        Server.Knows(dead.Peer);
        var room = MembershipRoom.Create(dead.Peer, "11");
        (await room.InvitesAsync(Server, room.Sets(Alice.UserId, "invite"))).Is(200);
        await dead.DisposeAsync();
        var invited = await SlideAsync(null);
        Assert.That(invited["rooms"]![room.RoomId]!["invite_state"]!.AsArray(), Is.Not.Empty);

        await Alice.LeavesAsync(room.RoomId);

        var left = (await SlideAsync((string)invited["pos"]!))["rooms"]![room.RoomId]!;
        var own = left["required_state"]!.AsArray().Single()!;
        Assert.That(
            ((string?)own["type"], (string?)own["state_key"], (string?)own["content"]!["membership"]),
            Is.EqualTo(("m.room.member", Alice.UserId, "leave")));

        async Task<JsonNode> SlideAsync(string? pos) => (await Alice.PostAsync(
            "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0"
                + (pos is null ? "" : $"&pos={pos}"),
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
        var room = MembershipRoom.Create(Peer.Peer, "10");
        (await room.InvitesAsync(Server, room.Sets(Alice.UserId, "invite"))).Is(200);
        var sent = 0;
        Peer.Answers = request =>
        {
            if (request.Path.StartsWith("v2/send_leave/")) sent++;
            if (!request.Path.StartsWith("v1/make_leave/")) return null;
            var template = room.Template(Alice.UserId, "leave");
            if (wrong == "version") template["room_version"] = "11";
            else if (wrong == "membership") template["event"]!["content"]!["membership"] = "join";
            else template["event"]![wrong] = wrong == "type" ? "m.room.message" : room.User("mallory");
            return (200, template);
        };

        await Alice.LeavesAsync(room.RoomId);

        Assert.That(sent, Is.Zero);
        Assert.That((await Alice.SyncsAsync())["rooms"]!["invite"]![room.RoomId], Is.Null);
    }

    [TestCase("v1/make_leave/", 403, "M_FORBIDDEN")]
    [TestCase("v2/send_leave/", 400, "M_INVALID_PARAM")]
    public async Task An_invite_is_rejected_though_the_inviters_server_refuses_the_leave(
        string step, int status, string code)
    {
        var room = MembershipRoom.Create(Peer.Peer, "11");
        (await room.InvitesAsync(Server, room.Sets(Alice.UserId, "invite"))).Is(200);
        Peer.Answers = request => request.Path.StartsWith(step)
            ? AnsweringPeer.Error(status, code)
            : (200, room.Template(Alice.UserId, "leave"));

        await Alice.LeavesAsync(room.RoomId);

        Assert.That(Peer.Requests.Any(request => request.Path.StartsWith(step + room.RoomId)));
        Assert.That((await Alice.SyncsAsync())["rooms"]!["invite"]![room.RoomId], Is.Null);
    }

    [TestCaseSource(nameof(Versions))]
    public async Task The_inviters_server_takes_an_invite_back(string version)
    {
        var room = MembershipRoom.Create(Peer.Peer, version);
        var invite = room.Sets(Alice.UserId, "invite");
        (await room.InvitesAsync(Server, invite)).Is(200);
        var since = await Alice.SyncTokenAsync();
        var kick = room.Sets(Alice.UserId, version == "6" ? "ban" : "leave");
        var other = room.Says(MembershipRoom.Creator, "This server is not in the room.");

        var reply = await room.SendAsync(Server, "rescind" + version, kick, other);

        var pdus = reply.Is(200).Json["pdus"]!.AsObject();
        Assert.That(pdus[kick.EventId]!.AsObject(), Is.Empty);
        Assert.That(pdus[other.EventId]?["error"], version is "1" or "2" ? Is.Not.Null : Is.Null);
        var rooms = (await Alice.SyncsAsync(since))["rooms"]!;
        var shown = rooms["leave"]![room.RoomId]!["timeline"]!["events"]!.AsArray().Single()!;
        Assert.That((string)shown["event_id"]!, Is.EqualTo(kick.EventId));
        var after = (await Alice.GetAsync($"sync?timeout=0&since={since}&use_state_after=true")).Is(200).Json;
        var state = after["rooms"]!["leave"]![room.RoomId]!["state_after"]!["events"]!.AsArray().Single()!;
        Assert.That((string)state["event_id"]!, Is.EqualTo(kick.EventId));
        Assert.That((await Alice.SyncsAsync())["rooms"]!["invite"]![room.RoomId], Is.Null);
    }

    [Test]
    public async Task Only_the_inviters_server_takes_an_invite_back()
    {
        var stranger = new Peer("127.0.251.7:1");
        Server.Knows(stranger);
        var room = MembershipRoom.Create(Peer.Peer, "10");
        var invite = room.Sets(Alice.UserId, "invite");
        (await room.InvitesAsync(Server, invite)).Is(200);
        var foreign = MembershipRoom.Create(stranger, "10");
        foreach (var pdu in room.Events.Values) _ = foreign.Knows(PeerRoom.Json(pdu));

        // An event of the same room by another server, and one that does not name the invite.
        var forged = PeerRoom.Json(room.Sets(Alice.UserId, "leave"));
        forged["sender"] = foreign.User("mallory");
        foreach (var name in (string[])["hashes", "signatures"]) forged.Remove(name);
        var byStranger = foreign.Completes(forged);
        var unrelated = PeerRoom.Json(room.Sets(Alice.UserId, "leave"));
        unrelated["auth_events"] = new JsonArray(
            [.. room.State.Values.Where(pdu => pdu.Type != "m.room.member").Select(pdu => (JsonNode)pdu.EventId)]);
        foreach (var name in (string[])["hashes", "signatures"]) unrelated.Remove(name);
        var notNaming = room.Completes(unrelated);

        var first = await foreign.SendAsync(Server, "forged", byStranger);
        var second = await room.SendAsync(Server, "unrelated", notNaming);

        Assert.That((string?)first.Is(200).Json["pdus"]![byStranger.EventId]!["error"], Does.Contain("inviter"));
        Assert.That((string?)second.Is(200).Json["pdus"]![notNaming.EventId]!["error"], Does.Contain("auth events"));
        Assert.That((await Alice.SyncsAsync())["rooms"]!["invite"]![room.RoomId], Is.Not.Null);
    }

    [Test]
    public async Task A_deactivated_user_rejects_open_invites()
    {
        var room = MembershipRoom.Create(Peer.Peer, "11");
        var user = await Server.RegistersAsync("leaver");
        (await room.InvitesAsync(Server, room.Sets(user.UserId, "invite"))).Is(200);
        var left = new TaskCompletionSource();
        Peer.Answers = request =>
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
        await using var server = await TestServer.StartWithKnownKeysAsync(("limits.departure_time", "2s"));
        await using var silent = await AnsweringPeer.StartAsync();
        server.Knows(silent.Peer);
        var user = await server.RegistersAsync("patient");
        for (var n = 0; n < 4; n++)
        {
            var room = MembershipRoom.Create(silent.Peer, "11");
            (await room.InvitesAsync(server, room.Sets(user.UserId, "invite"))).Is(200);
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
        var room = MembershipRoom.Create(Peer.Peer, "11");
        var invite = room.Sets(Alice.UserId, "invite");
        (await room.InvitesAsync(Server, invite)).Is(200);
        (await room.InvitesAsync(Server, invite)).Is(200);
        if (isTakenBack)
        {
            (await room.SendAsync(Server, "back" + room.RoomId[1..5], room.Sets(Alice.UserId, "leave"))).Is(200);
        }
        else
        {
            Peer.Answers = _ => AnsweringPeer.Error(404, "M_NOT_FOUND");
            await Alice.LeavesAsync(room.RoomId);
        }

        (await room.InvitesAsync(Server, invite)).Is(403, "M_FORBIDDEN");

        Assert.That((await Alice.SyncsAsync())["rooms"]?["invite"]?[room.RoomId], Is.Null);
        (await room.InvitesAsync(Server, room.Sets(Alice.UserId, "invite"))).Is(200);
        Assert.That((await Alice.SyncsAsync())["rooms"]!["invite"]![room.RoomId], Is.Not.Null);
    }
}
