using System.Text.Json.Nodes;
using Matrix.Core.Facade;

namespace Matrix.Federation.Tests.Invites;

/// <summary>Users of this server invite those of another.</summary>
public sealed class RemoteInviteTests
{
    private TestServer _server = null!;
    private AnsweringPeer _peer = null!;
    private TestUser _alice = null!;
    private string _bob = null!;

    private static IReadOnlyList<string> Versions => RoomRules.Known;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartWithKnownKeysAsync(
            ("federation.custom_ca", TestCa.Shared.RootFile),
            ("federation.allow_networks", "127.0.0.0/8"),
            ("federation.invite_time", "5s"));
        _peer = await AnsweringPeer.StartAsync();
        _server.Knows(_peer.Peer);
        _alice = await _server.RegistersAsync("alice");
        _bob = "@bob:" + _peer.Peer.Name;
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _peer.DisposeAsync();
        await _server.DisposeAsync();
    }

    [TestCaseSource(nameof(Versions))]
    public async Task An_invite_enters_the_room_with_both_signatures(string version)
    {
        var roomId = await _alice.CreatesRoomAsync(version: version);
        await _alice.SetsAsync(roomId, "m.room.name", new() { ["name"] = "Here" });
        var room = new PeerRoom(_peer.Peer, version, roomId);
        SignsInvites(room);

        (await InviteAsync(roomId)).Is(200);
        (await InviteAsync(roomId)).Is(200);

        var request = _peer.Requests.Single(each => each.Path.Contains("/invite/", StringComparison.Ordinal));
        Assert.That((string)request.Body!["room_version"]!, Is.EqualTo(version));
        var state = request.Body["invite_room_state"]!.AsArray();
        Assert.That((string)state[0]!["type"]!, Is.EqualTo("m.room.create"));
        Assert.That(
            state.Select(each => (string)each!["type"]!),
            Is.EquivalentTo(new[] { "m.room.create", "m.room.name", "m.room.join_rules", "m.room.member" }));
        foreach (var entry in state)
        {
            var pdu = room.Knows(entry!.AsObject());
            Assert.That(pdu.RoomId, Is.EqualTo(roomId));
            Assert.That(entry["signatures"]![_server.Name], Is.Not.Null);
        }

        var invite = await LastAsync(roomId);
        Assert.That((string)invite["content"]!["membership"]!, Is.EqualTo("invite"));
        Assert.That((string)invite["state_key"]!, Is.EqualTo(_bob));
        Assert.That(
            invite["signatures"]!.AsObject().Select(each => each.Key),
            Is.EquivalentTo(new[] { _server.Name, _peer.Peer.Name }));
        Assert.That(room.Knows(invite).EventId, Is.EqualTo(room.Knows(request.Body["event"]!.AsObject()).EventId));
    }

    [TestCase("1", true)]
    [TestCase("2", true)]
    [TestCase("6", false)]
    public async Task A_server_without_the_second_api_is_sent_the_first_in_rooms_of_versions_1_and_2(
        string version, bool succeeds)
    {
        var roomId = await _alice.CreatesRoomAsync(version: version);
        var room = new PeerRoom(_peer.Peer, version, roomId);
        _peer.Answers = request =>
        {
            if (!request.Path.StartsWith("v1/invite/")) return null;
            Assert.That(request.Body!["unsigned"]!["invite_room_state"]!.AsArray(), Is.Not.Empty);
            var json = request.Body.DeepClone().AsObject();
            return (200, new JsonArray(200, new JsonObject { ["event"] = room.CoSigned(json) }));
        };

        var reply = await InviteAsync(roomId);

        Assert.That(reply.Status, Is.EqualTo(succeeds ? 200 : 502), reply.Text);
        Assert.That(await MembershipOfBobAsync(roomId), Is.EqualTo(succeeds ? "invite" : null));
        if (succeeds) Assert.That((await LastAsync(roomId))["unsigned"]?["invite_room_state"], Is.Null);
    }

    [TestCase(403, "M_FORBIDDEN", 403, "M_FORBIDDEN")]
    [TestCase(400, "M_INVALID_PARAM", 502, "M_UNKNOWN")]
    public async Task A_refusal_by_the_first_api_reaches_the_client_too(
        int status, string code, int expected, string expectedCode)
    {
        var roomId = await _alice.CreatesRoomAsync(version: "1");
        _peer.Answers = request => request.Path.StartsWith("v1/invite/") ? AnsweringPeer.Error(status, code) : null;

        (await InviteAsync(roomId)).Is(expected, expectedCode);

        Assert.That(await MembershipOfBobAsync(roomId), Is.Null);
    }

    [Test]
    public async Task A_new_room_does_not_wait_long_for_silent_servers()
    {
        await using var server = await TestServer.StartWithKnownKeysAsync(
            ("federation.creation_invite_time", "2s"), ("federation.invites", "4"));
        await using var silent = await AnsweringPeer.StartAsync();
        server.Knows(_peer.Peer).Knows(silent.Peer);
        var alice = await server.RegistersAsync("alice");
        var hold = new TaskCompletionSource();
        silent.BeforeAnswer = _ => hold.Task;
        foreach (var peer in new[] { _peer, silent })
        {
            peer.Answers = request =>
            {
                var invite = request.Body!["event"]!.AsObject();
                var room = new PeerRoom(peer.Peer, "11", (string)invite["room_id"]!);
                return (200, new JsonObject { ["event"] = room.CoSigned(invite) });
            };
        }

        var users = Enumerable.Range(0, 8).Select(n => $"@user{n}:{silent.Peer.Name}").Append(_bob);
        var started = DateTime.UtcNow;
        var created = await alice.PostAsync("createRoom", new JsonObject
        {
            ["room_version"] = "11",
            ["invite"] = new JsonArray([.. users.Select(user => (JsonNode)user)]),
        });

        // An invite takes up to twenty seconds.
        Assert.That(DateTime.UtcNow - started, Is.LessThan(TimeSpan.FromSeconds(9)));
        var roomId = (string)created.Is(200).Json["room_id"]!;
        for (var n = 0; n < 100 && (await MembersAsync()).Length == 0; n++) await Task.Delay(50);
        Assert.That(await MembersAsync(), Is.EqualTo(new[] { _bob }));

        // The others go on.
        hold.SetResult();
        var until = DateTime.UtcNow.AddSeconds(15);
        while ((await MembersAsync()).Length < 9 && DateTime.UtcNow < until) await Task.Delay(50);
        Assert.That(await MembersAsync(), Is.EquivalentTo(users));

        async Task<string[]> MembersAsync()
        {
            var reply = await alice.GetAsync($"rooms/{roomId}/members?membership=invite");
            return [.. reply.Is(200).Json["chunk"]!.AsArray().Select(each => (string)each!["state_key"]!)];
        }
    }

    [TestCase(403, "M_FORBIDDEN", 403, "M_FORBIDDEN")]
    [TestCase(403, "M_INVITE_BLOCKED", 403, "M_INVITE_BLOCKED")]
    [TestCase(404, "M_NOT_FOUND", 404, "M_NOT_FOUND")]
    [TestCase(400, "M_INCOMPATIBLE_ROOM_VERSION", 400, "M_INCOMPATIBLE_ROOM_VERSION")]
    [TestCase(400, "M_INVALID_PARAM", 502, "M_UNKNOWN")]
    [TestCase(400, "M_MISSING_PARAM", 502, "M_UNKNOWN")]
    [TestCase(500, "M_UNKNOWN", 502, "M_UNKNOWN")]
    public async Task A_refusal_reaches_the_client_and_nothing_the_room(
        int status, string code, int expected, string expectedCode)
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        _peer.Answers = _ => AnsweringPeer.Error(status, code);

        (await InviteAsync(roomId)).Is(expected, expectedCode);

        Assert.That(await MembershipOfBobAsync(roomId), Is.Null);
    }

    [Test]
    public async Task Only_the_invite_itself_validly_signed_is_taken(
        [Values("another event", "no signature", "a wrong signature", "an unknown key", "nothing")] string fault)
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        var room = new PeerRoom(_peer.Peer, "11", roomId);
        _peer.Answers = request =>
        {
            var json = request.Body!["event"]!.DeepClone().AsObject();
            if (fault == "nothing") return (200, new JsonObject());
            if (fault == "another event") json["depth"] = 77;
            if (fault != "no signature") json = room.CoSigned(json);
            var signatures = json["signatures"]!.AsObject();
            if (fault == "a wrong signature")
            {
                signatures[_peer.Peer.Name]![_peer.Peer.Current.Key.Id] =
                    (string)signatures[_server.Name]!.AsObject().Single().Value!;
            }

            if (fault == "an unknown key")
            {
                var made = (string)signatures[_peer.Peer.Name]![_peer.Peer.Current.Key.Id]!;
                signatures[_peer.Peer.Name] = new JsonObject { ["ed25519:other"] = made };
            }

            return (200, new JsonObject { ["event"] = json });
        };

        (await InviteAsync(roomId)).Is(502, "M_UNKNOWN");

        Assert.That(await MembershipOfBobAsync(roomId), Is.Null);
    }

    [Test]
    public async Task A_room_goes_on_while_the_other_server_thinks_and_the_invite_still_enters()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        SignsInvites(new PeerRoom(_peer.Peer, "11", roomId));
        var said = "";
        _peer.BeforeAnswer = async _ => said = await _alice.SaysAsync(roomId, "The lane does not wait.");

        (await InviteAsync(roomId)).Is(200);

        Assert.That(said, Is.Not.Empty);
        Assert.That(await MembershipOfBobAsync(roomId), Is.EqualTo("invite"));
        await _alice.SaysAsync(roomId, "And on.");
    }

    [Test]
    public async Task An_invite_that_the_room_no_longer_allows_does_not_enter()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        SignsInvites(new PeerRoom(_peer.Peer, "11", roomId));
        _peer.BeforeAnswer = async _ => await _alice.BansAsync(roomId, _bob);

        (await InviteAsync(roomId)).Is(403, "M_FORBIDDEN");

        Assert.That(await MembershipOfBobAsync(roomId), Is.EqualTo("ban"));
    }

    [Test]
    public async Task A_dead_server_gives_an_error_in_time()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        await _peer.DisposeAsync();

        (await InviteAsync(roomId)).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_slow_server_gives_an_error_in_time()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        SignsInvites(new PeerRoom(_peer.Peer, "11", roomId));
        var hold = new TaskCompletionSource();
        _peer.BeforeAnswer = _ => hold.Task;

        (await InviteAsync(roomId)).Is(502, "M_UNKNOWN");

        Assert.That(await MembershipOfBobAsync(roomId), Is.Null);
        hold.SetResult();
    }

    [Test]
    public async Task Those_who_may_not_invite_reach_no_other_server()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        var eve = await _server.RegistersAsync("eve");

        (await eve.PostAsync($"rooms/{roomId}/invite", new JsonObject { ["user_id"] = _bob })).Is(403, "M_FORBIDDEN");
        var closed = (string)(await _alice.PostAsync("createRoom", new JsonObject
        {
            ["creation_content"] = new JsonObject { ["m.federate"] = false },
        })).Is(200).Json["room_id"]!;
        (await InviteAsync(closed)).Is(403, "M_FORBIDDEN");

        Assert.That(_peer.Requests, Is.Empty);
    }

    [TestCase("11")]
    [TestCase("12")]
    public async Task A_new_room_invites_users_of_other_servers_once_it_exists(string version)
    {
        _peer.Answers = request => (200, new JsonObject
        {
            ["event"] = new PeerRoom(_peer.Peer, version, (string)request.Body!["event"]!["room_id"]!)
                .CoSigned(request.Body["event"]!.AsObject()),
        });

        var roomId = (string)(await _alice.PostAsync("createRoom", new JsonObject
        {
            ["room_version"] = version,
            ["preset"] = "trusted_private_chat",
            ["is_direct"] = true,
            ["invite"] = new JsonArray(_bob, "@nobody:127.0.0.1:9"),
        })).Is(200).Json["room_id"]!;

        var invite = await LastAsync(roomId);
        Assert.That((string)invite["state_key"]!, Is.EqualTo(_bob));
        Assert.That((bool)invite["content"]!["is_direct"]!, Is.True);
        var (type, key) = version == "12" ? ("m.room.create", "additional_creators") : ("m.room.power_levels", "users");
        var power = (await _alice.GetAsync($"rooms/{roomId}/state/{type}")).Is(200).Json[key]!;
        Assert.That(power.ToJsonString(), Does.Contain(_bob));
        Assert.That(_server.Log, Does.Contain("@nobody:127.0.0.1:9"));
    }

    [Test]
    public async Task A_member_event_of_a_client_invites_too()
    {
        var roomId = await _alice.CreatesRoomAsync(version: "11");
        SignsInvites(new PeerRoom(_peer.Peer, "11", roomId));
        var content = new JsonObject { ["membership"] = "invite", ["reason"] = "Come." };

        var eventId = (string)(await _alice.PutAsync($"rooms/{roomId}/state/m.room.member/{_bob}", content))
            .Is(200).Json["event_id"]!;

        var invite = (await _alice.GetAsync($"rooms/{roomId}/event/{Uri.EscapeDataString(eventId)}")).Is(200).Json;
        Assert.That((string)invite["content"]!["reason"]!, Is.EqualTo("Come."));
    }

    private void SignsInvites(PeerRoom room) => _peer.Answers = request =>
        request.Path.StartsWith($"v2/invite/{room.RoomId}/")
            ? (200, new JsonObject { ["event"] = room.CoSigned(request.Body!["event"]!.AsObject()) })
            : null;

    private Task<Reply> InviteAsync(string roomId) =>
        _alice.PostAsync($"rooms/{roomId}/invite", new JsonObject { ["user_id"] = _bob });

    private async Task<string?> MembershipOfBobAsync(string roomId)
    {
        var reply = await _alice.GetAsync($"rooms/{roomId}/state/m.room.member/{_bob}");
        return reply.Status == 404 ? null : (string?)reply.Is(200).Json["membership"];
    }

    /// <summary>The last event of the room, as servers see it.</summary>
    private async Task<JsonObject> LastAsync(string roomId)
    {
        var filter = Uri.EscapeDataString("""{"event_format":"federation"}""");
        var sync = (await _alice.GetAsync("sync?filter=" + filter)).Is(200).Json;
        return sync["rooms"]!["join"]![roomId]!["timeline"]!["events"]!.AsArray()[^1]!.DeepClone().AsObject();
    }
}
