using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Attempts of non-members to join a room or to read from it.</summary>
internal sealed class RoomSecretsTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private TestUser _eve = null!;

    [SetUp]
    public async Task Starts()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
        _eve = await _server.RegistersAsync("eve");
    }

    [TearDown]
    public async Task Stops() => await _server.DisposeAsync();

    [Test]
    public async Task Nobody_enters_a_restricted_room_by_naming_who_vouches_for_them()
    {
        var club = (await _alice.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" }))
            .Member("room_id");
        var room = (await _alice.PostAsync("createRoom", new JsonObject
        {
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.join_rules",
                ["content"] = new JsonObject
                {
                    ["join_rule"] = "restricted",
                    ["allow"] = new JsonArray(new JsonObject { ["type"] = "m.room_membership", ["room_id"] = club }),
                },
            }),
        })).Member("room_id");
        var join = new JsonObject { ["membership"] = "join", ["join_authorised_via_users_server"] = _alice.UserId };

        (await _eve.PutAsync($"rooms/{room}/state/m.room.member/{_eve.UserId}", join.DeepClone()))
            .Is(403, "M_FORBIDDEN");
        await _bob.PostAsync($"rooms/{club}/join");
        (await _bob.PutAsync($"rooms/{room}/state/m.room.member/{_bob.UserId}", join.DeepClone())).Is(200);
        (await _bob.PutAsync($"rooms/{room}/state/m.room.member/{_bob.UserId}", new JsonObject
        {
            ["membership"] = "join",
            ["displayname"] = "Bob",
        })).Is(200);
    }

    [Test]
    public async Task A_stranger_gets_the_same_error_for_any_user()
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" }))
            .Member("room_id");
        await _bob.PostAsync($"rooms/{room}/join");
        foreach (var act in new[] { "kick", "unban" })
        {
            var member = await _eve.PostAsync($"rooms/{room}/{act}", new JsonObject { ["user_id"] = _bob.UserId });
            var nobody = await _eve.PostAsync($"rooms/{room}/{act}", new JsonObject
            {
                ["user_id"] = $"@nobody:{TestServer.ServerName}",
            });
            Assert.That(nobody.Is(403, "M_FORBIDDEN").Text, Is.EqualTo(member.Is(403, "M_FORBIDDEN").Text));
        }
    }

    [Test]
    public async Task A_departed_user_does_not_learn_that_their_state_is_unchanged()
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" }))
            .Member("room_id");
        await _bob.PostAsync($"rooms/{room}/join");
        await _alice.PutAsync($"rooms/{room}/state/m.room.power_levels", new JsonObject { ["state_default"] = 0 });
        var name = new JsonObject { ["name"] = "Bob's" };
        (await _bob.PutAsync($"rooms/{room}/state/m.room.name", name.DeepClone())).Is(200);
        (await _bob.PutAsync($"rooms/{room}/state/m.room.name", name.DeepClone())).Is(200);
        await _bob.PostAsync($"rooms/{room}/leave");
        (await _bob.PutAsync($"rooms/{room}/state/m.room.name", name.DeepClone())).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_user_who_blocks_invites_is_not_invited_by_a_rooms_initial_state()
    {
        await _bob.PutAsync(
            $"user/{_bob.UserId}/account_data/m.invite_permission_config",
            new JsonObject { ["default_action"] = "block" });
        var invite = new JsonObject
        {
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.member",
                ["state_key"] = _bob.UserId,
                ["content"] = new JsonObject { ["membership"] = "invite" },
            }),
        };
        (await _alice.PostAsync("createRoom", invite)).Is(403, "M_INVITE_BLOCKED");
    }

    [Test]
    public async Task What_cannot_be_stored_as_text_is_let_be_and_troubles_nobody_else()
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" }))
            .Member("room_id");
        foreach (var relates in new[]
        {
            """{"rel_type":"m.annotation","event_id":"$a","key":"\u0000"}""",
            """{"rel_type":"m.anno\u0000","event_id":"$a"}""",
            """{"rel_type":"m.thread","event_id":"$a\u0000"}""",
        })
        {
            var body = TestClient.Raw($$"""{"body":"x","m.relates_to":{{relates}}}""");
            (await _alice.SendAsync(HttpMethod.Put, $"rooms/{room}/send/m.reaction/{relates.Length}", body)).Is(200);
        }

        foreach (var act in new[] { "ban", "invite", "kick", "unban" })
        {
            var user = TestClient.Raw("""{"user_id":"@a\u0000b:test.example"}""");
            var reply = await _alice.SendAsync(HttpMethod.Post, $"rooms/{room}/{act}", user);
            Assert.That(reply.Status, Is.InRange(400, 404), reply.Text);
        }

        var redaction = TestClient.Raw("""{"redacts":"$a\u0000"}""");
        (await _alice.SendAsync(HttpMethod.Put, $"rooms/{room}/send/m.room.redaction/1", redaction))
            .Is(400, "M_INVALID_PARAM");
        var receipt = TestClient.Raw("""{"m.read":"$a\u0000","m.fully_read":"$a\u0000"}""");
        (await _alice.SendAsync(HttpMethod.Post, $"rooms/{room}/read_markers", receipt)).Is(400, "M_INVALID_PARAM");
        (await _alice.GetAsync("sync")).Is(200);
    }

    [TestCase("messages?dir=b&from=t1_4294967295")]
    [TestCase("messages?dir=f&from=t1_4294967295")]
    [TestCase("messages?dir=b&from=t1_0")]
    [TestCase("messages?dir=f&from=t1_0&to=t1_0")]
    [TestCase("messages?dir=b&to=t1_4294967295")]
    [TestCase("messages?dir=b&limit=0")]
    [TestCase("members?at=t1_4294967295")]
    [TestCase("members?at=s1_9223372036854775807_0_0")]
    public async Task A_place_beyond_either_end_of_a_room_is_its_end(string path)
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" }))
            .Member("room_id");
        (await _alice.GetAsync($"rooms/{room}/{path}")).Is(200);
        (await _alice.GetAsync("sync?since=s1_0_9223372036854775807_9223372036854775807_9223372036854775807")).Is(200);
    }

    [Test]
    public async Task A_list_of_ignored_users_of_any_shape_leaves_sync_alone()
    {
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 90)) + "1" + new string('}', 90);
        foreach (var content in new[]
        {
            "{\"ignored_users\":{\"@x:test.example\":" + deep + "}}",
            """{"ignored_users":[["@x:test.example"]]}""",
        })
        {
            var put = await _alice.SendAsync(
                HttpMethod.Put,
                $"user/{_alice.UserId}/account_data/m.ignored_user_list",
                TestClient.Raw(content));
            put.Is(200);
            Assert.That((await _alice.GetAsync("sync")).Status, Is.EqualTo(200), content);
        }
    }
}
