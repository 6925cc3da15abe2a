using System.Diagnostics;
using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;

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

    [Test]
    public async Task A_room_is_joined_by_an_alias_of_the_peer()
    {
        var room = _peer.CreatesRoom("10");
        var alias = $"#kitchen:{_peer.Peer.Name}";
        _peer.Aliases[alias] = room;

        var found = await _alice.GetAsync($"directory/room/{Escaped(alias)}");
        var joined = await _alice.PostAsync($"join/{Escaped(alias)}", []);

        Assert.That((string?)found.Is(200).Json["room_id"], Is.EqualTo(room.RoomId));
        Assert.That(found.Json["servers"]!.ToJsonString(), Is.EqualTo($"[\"{_peer.Peer.Name}\"]"));
        Assert.That((string?)joined.Is(200).Json["room_id"], Is.EqualTo(room.RoomId));
        await AssertSameStateAsync(_alice, room);
        var unknown = Escaped($"#cellar:{_peer.Peer.Name}");
        (await _alice.GetAsync($"directory/room/{unknown}")).Is(404, "M_NOT_FOUND");
        (await _alice.PostAsync($"join/{unknown}", [])).Is(404, "M_NOT_FOUND");
    }

    [TestCase("?server_name=NAME")]
    [TestCase("")]
    public async Task The_candidates_are_also_those_of_old_clients_and_of_the_room_id(string query)
    {
        var room = _peer.CreatesRoom("9");

        var reply = await _alice.PostAsync(
            $"rooms/{Escaped(room.RoomId)}/join{query.Replace("NAME", _peer.Peer.Name, StringComparison.Ordinal)}", []);

        reply.Is(200);
        await AssertSameStateAsync(_alice, room);
    }

    [TestCase("sender", "@mallory:evil.example")]
    [TestCase("state_key", "@mallory:evil.example")]
    [TestCase("room_id", "!other:evil.example")]
    [TestCase("type", "m.room.power_levels")]
    [TestCase("content", """{"membership":"ban"}""")]
    [TestCase("depth", "-1")]
    [TestCase("depth", "9007199254740992")]
    [TestCase("depth", "\"2\"")]
    [TestCase("prev_events", """["no event"]""")]
    [TestCase("auth_events", "{}")]
    public async Task A_template_of_another_event_is_not_signed(string member, string value)
    {
        var room = _peer.CreatesRoom("10");
        _peer.ChangesTemplate = template => template["event"]![member] =
            value[0] is '"' or '{' or '[' or '-' or (>= '0' and <= '9') ? JsonNode.Parse(value) : value;

        (await TryJoinAsync(_alice, room)).Is(502, "M_UNKNOWN");

        Assert.That(_peer.Joins, Is.Zero);
    }

    [Test]
    public async Task Only_the_graph_and_the_authorising_user_of_a_template_are_used()
    {
        var room = _peer.CreatesRoom("10");
        _peer.ChangesTemplate = template =>
        {
            var made = template["event"]!;
            made["content"]!["displayname"] = "Mallory";
            made["origin_server_ts"] = 1;
            made["redacts"] = "$any";
            made["unsigned"] = new JsonObject { ["age"] = 1 };
            made["org.example.added"] = true;
        };
        (await _alice.PutAsync($"profile/{_alice.UserId}/displayname", new() { ["displayname"] = "Alice" })).Is(200);

        await JoinAsync(_alice, room);

        var join = room.Last;
        Assert.That(join["content"]!.ToJsonString(), Is.EqualTo("""{"displayname":"Alice","membership":"join"}"""));
        Assert.That((long)join["origin_server_ts"]!, Is.GreaterThan(1));
        Assert.That(join.ContainsKey("redacts") || join.ContainsKey("org.example.added"), Is.False);
    }

    [Test]
    public async Task A_state_event_without_a_valid_signature_is_dropped()
    {
        var room = _peer.CreatesRoom("11");
        var bob = $"@bob:{_peer.Peer.Name}";
        var badId = room.IdOf(room.Join(bob));
        room.Add(room.Creator, "m.room.topic", "", new JsonObject { ["topic"] = "Bread" });
        _peer.ChangesRoom = response =>
        {
            foreach (var pdu in response["state"]!.AsArray().Concat(response["auth_chain"]!.AsArray()))
            {
                if (room.IdOf(pdu!.AsObject()) != badId) continue;
                var (name, key) = (_peer.Peer.Name, _peer.Peer.Current.Key.Id);
                pdu["signatures"]![name]![key] = new string('A', 86);
            }
        };

        await JoinAsync(_alice, room);

        var state = (await _alice.GetAsync($"rooms/{Escaped(room.RoomId)}/state")).Is(200);
        Assert.That(
            JsonNode.Parse(state.Text)!.AsArray().Select(IdOf),
            Is.EquivalentTo(room.StateIds.Values.Where(id => id != badId)));
        Assert.That(_server.Log, Does.Contain("Dropped 1 events"));
    }

    [Test]
    public async Task A_state_event_that_the_rules_reject_is_not_in_the_state()
    {
        var room = _peer.CreatesRoom("10");
        var bad = room.Add($"@never-joined:{_peer.Peer.Name}", "m.room.topic", "", new() { ["topic"] = "Mine" });

        await JoinAsync(_alice, room);

        var state = (await _alice.GetAsync($"rooms/{Escaped(room.RoomId)}/state")).Is(200);
        Assert.That(
            JsonNode.Parse(state.Text)!.AsArray().Select(IdOf),
            Is.EquivalentTo(room.StateIds.Values.Where(id => id != room.IdOf(bad))));
    }

    [Test]
    public async Task A_room_without_its_create_event_is_refused([Values("10", "12")] string version)
    {
        var room = _peer.CreatesRoom(version);
        _peer.ChangesRoom = response => Without(response, pdu => (string)pdu["type"]! == "m.room.create");

        (await TryJoinAsync(_alice, room)).Is(502, "M_UNKNOWN");

        Assert.That((await _alice.GetAsync("sync")).Json["rooms"]?["join"]?[room.RoomId], Is.Null);
        _peer.ChangesRoom = null;
        await JoinAsync(_alice, room);
        await AssertSameStateAsync(_alice, room);
    }

    [Test]
    public async Task A_room_without_an_auth_event_of_the_join_is_refused()
    {
        var room = _peer.CreatesRoom("10");
        _peer.ChangesRoom = response => Without(response, pdu => (string)pdu["type"]! == "m.room.join_rules");

        (await TryJoinAsync(_alice, room)).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_partial_state_is_refused()
    {
        var room = _peer.CreatesRoom("10");
        _peer.ChangesRoom = response => response["members_omitted"] = true;

        (await TryJoinAsync(_alice, room)).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_room_with_too_many_events_is_refused()
    {
        await using var server = await InProcessServer.StartAsync(
            ("federation.custom_ca", TestCa.Shared.RootFile),
            ("federation.allow_networks", "127.0.0.0/8"),
            ("federation.join_events", "1000"));
        var bob = await LocalUser.RegisterAsync(server.Knows(_peer.Peer), "bob");
        var room = _peer.CreatesRoom("10");
        for (var i = 0; i < 1000; i++) room.Add(room.Creator, "org.example.entry", $"{i}", []);

        (await TryJoinAsync(bob, room)).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_room_of_another_version_than_the_template_is_refused()
    {
        var room = _peer.CreatesRoom("10");
        _peer.ChangesTemplate = template => template["room_version"] = "9";

        (await TryJoinAsync(_alice, room)).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_join_that_the_room_does_not_allow_is_refused()
    {
        var room = _peer.CreatesRoom("10", new JsonObject { ["join_rule"] = "invite" });

        (await TryJoinAsync(_alice, room)).Is(403, "M_FORBIDDEN");

        Assert.That((await _alice.GetAsync("sync")).Json["rooms"]?["join"]?[room.RoomId], Is.Null);
    }

    [Test]
    public async Task The_next_candidate_is_asked_if_one_is_down_or_does_not_know_the_room()
    {
        var room = _peer.CreatesRoom("10");
        await using var other = await StartPeerAsync();
        var down = await PeerServer.StartAsync();
        await down.DisposeAsync();

        var reply = await _alice.PostAsync(
            $"join/{Escaped(room.RoomId)}?via={down.Peer.Name}&via={other.Peer.Name}&via={_peer.Peer.Name}", []);

        reply.Is(200);
        await AssertSameStateAsync(_alice, room);
    }

    [TestCase(403, "M_FORBIDDEN", 403)]
    [TestCase(404, "M_NOT_FOUND", 404)]
    [TestCase(400, "M_UNABLE_TO_AUTHORISE_JOIN", 400)]
    [TestCase(400, "M_UNABLE_TO_GRANT_JOIN", 400)]
    [TestCase(400, "M_INCOMPATIBLE_ROOM_VERSION", 400)]
    [TestCase(500, "M_UNKNOWN", 502)]
    public async Task The_error_of_the_resident_server_is_passed_on(int status, string code, int expected)
    {
        var room = _peer.CreatesRoom("10");
        _peer.RefusesJoins = (status, code, code == "M_INCOMPATIBLE_ROOM_VERSION" ? "99" : null);

        var reply = await TryJoinAsync(_alice, room);

        reply.Is(expected, code);
        Assert.That((string?)reply.Json["room_version"], Is.EqualTo(_peer.RefusesJoins.Value.Version));
    }

    [Test]
    public async Task A_room_of_no_known_server_is_refused_like_one_that_the_user_may_not_know()
    {
        (await _alice.PostAsync($"join/{Escaped($"!nothing:{_server.Name}")}", [])).Is(403, "M_FORBIDDEN");
        (await _alice.PostAsync($"join/{Escaped("!" + new string('A', 43))}", [])).Is(403, "M_FORBIDDEN");
        (await _alice.PostAsync($"join/{Escaped("!nothing:127.0.9.9:1")}", [])).Is(502, "M_UNKNOWN");
    }

    [Test]
    public async Task A_server_with_only_the_first_version_of_send_join_lets_users_join(
        [Values("1", "6")] string version)
    {
        _peer.OnlyFirstVersion = true;
        var room = _peer.CreatesRoom(version);

        await JoinAsync(_alice, room);

        await AssertSameStateAsync(_alice, room);
    }

    [Test]
    public async Task Of_several_joins_at_once_one_goes_to_the_other_server()
    {
        var bob = await LocalUser.RegisterAsync(_server, "bob");
        var room = _peer.CreatesRoom("10");
        _peer.BeforeJoin = () => Task.Delay(300);

        await Task.WhenAll(JoinAsync(_alice, room), JoinAsync(bob, room), JoinAsync(_alice, room));

        Assert.That(_peer.Joins, Is.EqualTo(1));
        var members = await bob.GetAsync($"rooms/{Escaped(room.RoomId)}/joined_members");
        Assert.That(
            members.Is(200).Json["joined"]!.AsObject().Select(member => member.Key),
            Is.EquivalentTo(new[] { _alice.UserId, bob.UserId, room.Creator }));
    }

    [Test]
    public async Task A_join_does_not_wait_long_for_another_one_of_the_room([Values] bool afterTheTemplate)
    {
        await using var server = await InProcessServer.StartAsync(("federation.join_patience", "500ms"));
        var bob = await LocalUser.RegisterAsync(server.Knows(_peer.Peer), "bob");
        var carol = await LocalUser.RegisterAsync(server, "carol");
        var hold = new TaskCompletionSource();
        if (afterTheTemplate) _peer.BeforeJoin = () => hold.Task;
        else _peer.BeforeTemplate = () => hold.Task;
        var room = _peer.CreatesRoom("10");
        var held = TryJoinAsync(bob, room);
        while ((afterTheTemplate ? _peer.Joins : _peer.JoinTemplates) == 0) await Task.Delay(10);
        (_peer.BeforeJoin, _peer.BeforeTemplate) = (null, null);

        await JoinAsync(carol, room).WaitAsync(TimeSpan.FromSeconds(15));

        Assert.That(held.IsCompleted, Is.False);
        hold.SetResult();
        (await held).Is(200);
        var members = await carol.GetAsync($"rooms/{Escaped(room.RoomId)}/joined_members");
        Assert.That(
            members.Is(200).Json["joined"]!.AsObject().Select(member => member.Key),
            Is.EquivalentTo(new[] { bob.UserId, carol.UserId, room.Creator }));
        await AssertSameStateAsync(carol, room);
    }

    [Test]
    public async Task A_slow_server_does_not_stop_joins_through_others([Values] bool afterTheTemplate)
    {
        await using var server = await InProcessServer.StartAsync(("federation.joins", "1"));
        await using var slow = await ResidentServer.StartAsync();
        var bob = await LocalUser.RegisterAsync(server.Knows(_peer.Peer).Knows(slow.Peer), "bob");
        var hold = new TaskCompletionSource();
        if (afterTheTemplate) slow.BeforeJoin = () => hold.Task;
        else slow.BeforeTemplate = () => hold.Task;
        var slowRoom = slow.CreatesRoom("10");
        var slowJoin = bob.PostAsync($"join/{Escaped(slowRoom.RoomId)}?via={slow.Peer.Name}", []);
        while ((afterTheTemplate ? slow.Joins : slow.JoinTemplates) == 0) await Task.Delay(10);

        await JoinAsync(bob, _peer.CreatesRoom("10")).WaitAsync(TimeSpan.FromSeconds(15));

        Assert.That(slowJoin.IsCompleted, Is.False);
        hold.SetResult();
        (await slowJoin).Is(200);
    }

    [Test]
    public async Task The_same_join_at_once_goes_to_the_other_server_once([Values] bool isRefused)
    {
        var room = _peer.CreatesRoom("10");
        if (isRefused) _peer.RefusesJoins = (403, "M_FORBIDDEN", null);
        var hold = new TaskCompletionSource();
        _peer.BeforeTemplate = () => hold.Task;
        var first = TryJoinAsync(_alice, room);
        while (_peer.JoinTemplates == 0) await Task.Delay(10);
        var second = TryJoinAsync(_alice, room);
        await Task.Delay(300);
        hold.SetResult();

        var replies = await Task.WhenAll(first, second);

        Assert.That(replies.Select(each => each.Status), Is.All.EqualTo(isRefused ? 403 : 200));
        Assert.That(replies[1].Text, Is.EqualTo(replies[0].Text));
        Assert.That(_peer.JoinTemplates, Is.EqualTo(1));
    }

    [Test]
    public async Task Beyond_the_bound_of_joins_a_client_is_asked_to_wait()
    {
        await using var server = await InProcessServer.StartAsync(("federation.joins_waiting", "1"));
        var bob = await LocalUser.RegisterAsync(server.Knows(_peer.Peer), "bob");
        var hold = new TaskCompletionSource();
        _peer.BeforeTemplate = () => hold.Task;
        var first = TryJoinAsync(bob, _peer.CreatesRoom("10"));
        while (_peer.JoinTemplates == 0) await Task.Delay(10);

        (await TryJoinAsync(bob, _peer.CreatesRoom("10"))).Is(429, "M_LIMIT_EXCEEDED");

        hold.SetResult();
        (await first).Is(200);
    }

    [Test]
    public async Task After_all_local_users_left_a_room_is_joined_again_through_a_server_in_it(
        [Values("1", "10", "12")] string version, [Values] bool hasMoved)
    {
        var room = _peer.CreatesRoom(version);
        await JoinAsync(_alice, room);
        var path = $"rooms/{Escaped(room.RoomId)}";
        var body = new JsonObject { ["msgtype"] = "m.text", ["body"] = "before" };
        var said = IdOf((await _alice.PutAsync($"{path}/send/m.room.message/1", body)).Is(200).Json);
        (await _alice.PostAsync($"{path}/leave", [])).Is(200);
        if (hasMoved)
        {
            room.Join($"@bob:{_peer.Peer.Name}");
            room.Add(room.Creator, "m.room.topic", "", new JsonObject { ["topic"] = "Bread" });
        }

        // No server is named: one of the earlier members is asked.
        (await _alice.PostAsync($"join/{Escaped(room.RoomId)}", [])).Is(200);

        Assert.That(_peer.Joins, Is.EqualTo(2));
        await AssertSameStateAsync(_alice, room);
        var sync = JoinedRoom(await _alice.GetAsync("sync"), room);
        Assert.That((int?)sync["summary"]!["m.joined_member_count"], Is.EqualTo(hasMoved ? 3 : 2));
        Assert.That(IdOf((await _alice.GetAsync($"{path}/event/{Escaped(said!)}")).Is(200).Json), Is.EqualTo(said));

        body["body"] = "after";
        var after = IdOf((await _alice.PutAsync($"{path}/send/m.room.message/2", body)).Is(200).Json);
        var storage = _server.Services.GetRequiredService<IStorage>();
        var row = await storage.Rooms.FindAsync(room.RoomId, CancellationToken.None);
        var stored = await storage.Events.FindAsync(row!.Nid, after!, CancellationToken.None);
        var previous = JsonNode.Parse(stored!.Json.Span)!["prev_events"]!.AsArray();
        Assert.That(
            previous.Select(each => each is JsonArray pair ? (string)pair[0]! : (string)each!),
            Is.EqualTo(new[] { room.IdOf(room.Last) }),
            "no old extremity is referenced");
    }

    [Test]
    public async Task A_restricted_room_is_joined_with_the_signature_of_the_authorising_users_server(
        [Values("8", "10", "12")] string version)
    {
        (await TryJoinAsync(_alice, _peer.CreatesRoom(version, Restricted))).Is(502, "M_UNKNOWN");
        _peer.SignsJoins = true;
        var room = _peer.CreatesRoom(version, Restricted);

        await JoinAsync(_alice, room);

        await AssertSameStateAsync(_alice, room);
        Assert.That(
            (string?)room.Last["content"]!["join_authorised_via_users_server"], Is.EqualTo(room.Creator));
    }

    [Test]
    public async Task A_restricted_join_that_no_local_user_may_authorise_goes_to_a_server_in_the_room()
    {
        var room = _peer.CreatesRoom("10");
        await JoinAsync(_alice, room);
        var bob = await LocalUser.RegisterAsync(_server, "bob");
        var rules = room.Add(room.Creator, "m.room.join_rules", "", Restricted);
        (await SendAsync("t1", rules)).Is(200);
        _peer.SignsJoins = true;

        (await bob.PostAsync($"join/{Escaped(room.RoomId)}", [])).Is(200);

        Assert.That(_peer.Joins, Is.EqualTo(2));
        await AssertSameStateAsync(bob, room);
    }

    [TestCase("M_UNABLE_TO_AUTHORISE_JOIN")]
    [TestCase("M_UNABLE_TO_GRANT_JOIN")]
    public async Task A_restricted_join_that_one_server_cannot_authorise_goes_to_the_next(string code)
    {
        await using var other = await StartPeerAsync();
        other.RefusesJoins = (400, code, null);
        _peer.SignsJoins = true;
        var room = _peer.CreatesRoom("10", Restricted);

        (await _alice.PostAsync(
            $"join/{Escaped(room.RoomId)}?via={other.Peer.Name}&via={_peer.Peer.Name}", [])).Is(200);

        Assert.That(other.JoinTemplates, Is.EqualTo(1));
        await AssertSameStateAsync(_alice, room);
    }

    [Test]
    public async Task A_template_whose_authorising_user_is_of_another_server_is_not_signed([Values] bool isOurs)
    {
        // This server's signature would authorise a join whose conditions it has not checked.
        var room = _peer.CreatesRoom("10", Restricted);
        var user = isOurs ? _alice.UserId : "@carol:third.example";
        _peer.ChangesTemplate = template =>
            template["event"]!["content"]!["join_authorised_via_users_server"] = user;

        (await TryJoinAsync(_alice, room)).Is(502, "M_UNKNOWN");

        Assert.That(_peer.Joins, Is.Zero);
    }

    [Test]
    public async Task An_event_that_comes_during_the_join_is_not_lost()
    {
        var room = _peer.CreatesRoom("10");
        var sending = Task.FromResult<Reply>(null!);
        _peer.BeforeJoin = async () =>
        {
            var topic = room.Add(room.Creator, "m.room.topic", "", new JsonObject { ["topic"] = "Bread" });
            sending = SendAsync("t1", topic);
            await Task.Delay(200);
        };

        await JoinAsync(_alice, room);

        var sent = (await sending).Is(200);
        Assert.That(sent.Json["pdus"]![room.IdOf(room.Last)]!.ToJsonString(), Is.EqualTo("{}"));
        await AssertSameStateAsync(_alice, room);
    }

    /// <summary>Prints how long the join takes, without the time that the peer takes to answer.</summary>
    [TestCase(2_000)]
    [TestCase(10_000)]
    [Category("Slow")]
    public async Task A_large_room_is_joined_whole(int members)
    {
        await using var server = await ServerProcess.StartAsync();
        var alice = await LocalUser.RegisterAsync(server, "alice");
        var room = _peer.CreatesRoom("11");
        for (var i = 0; i < members; i++) room.Join($"@user{i}:{_peer.Peer.Name}");
        var answered = 0L;
        _peer.AfterJoin = () => answered = Stopwatch.GetTimestamp();

        await JoinAsync(alice, room);

        TestContext.Out.WriteLine(
            $"{members} members: {Stopwatch.GetElapsedTime(answered).TotalMilliseconds:0} ms after the response");
        TestContext.Out.WriteLine(server.Process.LogEnd());
        var joined = await alice.GetAsync($"rooms/{Escaped(room.RoomId)}/joined_members");
        Assert.That(joined.Is(200).Json["joined"]!.AsObject(), Has.Count.EqualTo(members + 2));
        await AssertSameStateAsync(alice, room);
        JoinedRoom((await alice.GetAsync("sync")).Is(200), room);
    }

    private static JsonObject Restricted => new()
    {
        ["join_rule"] = "restricted",
        ["allow"] = new JsonArray(new JsonObject { ["type"] = "m.room_membership", ["room_id"] = "!other:b.example" }),
    };

    /// <summary>The peer sends events to the server.</summary>
    private Task<Reply> SendAsync(string transactionId, params JsonObject[] pdus) => _peer.Peer.SendAsync(
        _server,
        "PUT",
        "/_matrix/federation/v1/send/" + transactionId,
        new JsonObject
        {
            ["origin"] = _peer.Peer.Name,
            ["origin_server_ts"] = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
            ["pdus"] = new JsonArray([.. pdus.Select(pdu => pdu.DeepClone())]),
        });

    /// <summary>Removes events from the response to `send_join`.</summary>
    private static void Without(JsonObject response, Func<JsonNode, bool> isRemoved)
    {
        foreach (var name in new[] { "state", "auth_chain" })
        {
            response[name] = new JsonArray(
                [.. response[name]!.AsArray().Where(pdu => !isRemoved(pdu!)).Select(pdu => pdu!.DeepClone())]);
        }
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
