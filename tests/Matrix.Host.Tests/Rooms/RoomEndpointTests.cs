using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Rooms;

internal sealed class RoomEndpointTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    [SetUp]
    public async Task Starts()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task Stops() => await _server.DisposeAsync();

    [Test]
    public async Task Two_people_meet_by_an_alias_and_talk()
    {
        var created = await _alice.PostAsync(
            "createRoom",
            new JsonObject { ["preset"] = "public_chat", ["room_alias_name"] = "kitchen" });
        var room = created.Is(200).Member("room_id");
        var found = await _server.Anyone.GetAsync($"directory/room/%23kitchen:{TestServer.ServerName}");
        var joined = await _bob.PostAsync($"join/%23kitchen:{TestServer.ServerName}");
        var said = await _bob.PutAsync(
            $"rooms/{room}/send/m.room.message/1",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = "hello" });
        var again = await _bob.PutAsync(
            $"rooms/{room}/send/m.room.message/1",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = "hello" });
        var redacted = await _bob.PutAsync($"rooms/{room}/redact/{said.Member("event_id")}/2");

        Assert.Multiple(() =>
        {
            Assert.That(room, Does.StartWith("!").And.Not.Contain(":"));
            Assert.That(found.Is(200).Member("room_id"), Is.EqualTo(room));
            Assert.That(joined.Is(200).Member("room_id"), Is.EqualTo(room));
            Assert.That(again.Is(200).Member("event_id"), Is.EqualTo(said.Is(200).Member("event_id")));
            redacted.Is(200);
        });
    }

    [Test]
    public async Task Membership_follows_the_rules()
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject())).Member("room_id");
        var bob = new JsonObject { ["user_id"] = _bob.UserId };

        (await _bob.PostAsync($"rooms/{room}/join")).Is(403, "M_FORBIDDEN");
        (await _bob.PutAsync($"rooms/{room}/send/m.room.message/1", new JsonObject { ["body"] = "hi" }))
            .Is(403, "M_FORBIDDEN");
        (await _bob.PostAsync($"rooms/{room}/invite", new JsonObject { ["user_id"] = _bob.UserId }))
            .Is(403, "M_FORBIDDEN");
        (await _alice.PostAsync($"rooms/{room}/invite", bob.DeepClone())).Is(200);
        (await _alice.PostAsync($"rooms/{room}/invite", bob.DeepClone())).Is(200);
        (await _bob.PostAsync($"rooms/{room}/join")).Is(200);
        (await _bob.PostAsync($"rooms/{room}/kick", new JsonObject { ["user_id"] = _alice.UserId }))
            .Is(403, "M_FORBIDDEN");
        (await _bob.PostAsync($"rooms/{room}/forget")).Is(400, "M_UNKNOWN");
        (await _alice.PostAsync($"rooms/{room}/kick", bob.DeepClone())).Is(200);
        (await _alice.PostAsync($"rooms/{room}/kick", bob.DeepClone())).Is(403, "M_FORBIDDEN");
        (await _bob.PostAsync($"rooms/{room}/forget")).Is(200);
        (await _alice.PostAsync($"rooms/{room}/ban", bob.DeepClone())).Is(200);
        (await _alice.PostAsync($"rooms/{room}/invite", bob.DeepClone())).Is(403, "M_FORBIDDEN");
        (await _alice.PostAsync($"rooms/{room}/unban", bob.DeepClone())).Is(200);
        (await _alice.PostAsync($"rooms/{room}/unban", bob.DeepClone())).Is(403, "M_BAD_STATE");
        (await _alice.PostAsync($"rooms/{room}/leave")).Is(200);
        (await _alice.PostAsync($"rooms/{room}/leave")).Is(200);
    }

    [Test]
    public async Task A_room_that_one_is_not_in_and_a_room_that_is_not_are_refused_alike()
    {
        var closed = (await _alice.PostAsync("createRoom", new JsonObject())).Member("room_id");
        foreach (var room in new[] { closed, "!AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" })
        {
            (await _bob.PutAsync($"rooms/{room}/send/m.room.message/{room}", new JsonObject { ["body"] = "hi" }))
                .Is(403, "M_FORBIDDEN");
            (await _bob.PutAsync($"rooms/{room}/state/m.room.topic", new JsonObject { ["topic"] = "hi" }))
                .Is(403, "M_FORBIDDEN");
            (await _bob.PostAsync($"rooms/{room}/invite", new JsonObject { ["user_id"] = _alice.UserId }))
                .Is(403, "M_FORBIDDEN");
            (await _bob.PostAsync($"rooms/{room}/leave")).Is(403, "M_FORBIDDEN");
            (await _bob.PostAsync($"rooms/{room}/join")).Is(403, "M_FORBIDDEN");
        }
    }

    [TestCase("""{"room_version":"99"}""", 400, "M_UNSUPPORTED_ROOM_VERSION")]
    [TestCase("""{"preset":"open"}""", 400, "M_BAD_JSON")]
    [TestCase("""{"visibility":3}""", 400, "M_BAD_JSON")]
    [TestCase("""{"invite":["bob"]}""", 400, "M_INVALID_PARAM")]
    [TestCase("""{"initial_state":[{"type":"m.room.create","content":{}}]}""", 400, "M_INVALID_ROOM_STATE")]
    [TestCase(
        """{"room_version":"12","power_level_content_override":{"users":{"@alice:test.example":100}}}""",
        400,
        "M_INVALID_ROOM_STATE")]
    [TestCase("""{"power_level_content_override":{"ban":"50"}}""", 400, "M_INVALID_ROOM_STATE")]
    [TestCase("""{"creation_content":{"additional_creators":["bob"]}}""", 400, "M_INVALID_ROOM_STATE")]
    [TestCase("""{"room_alias_name":"a:b"}""", 400, "M_INVALID_PARAM")]
    [TestCase("""{"topic":1.5}""", 400, "M_BAD_JSON")]
    [TestCase("[]", 400, "M_BAD_JSON")]
    [TestCase("{", 400, "M_NOT_JSON")]
    public async Task A_room_is_not_created_from_nonsense(string body, int status, string errcode) =>
        (await _alice.SendAsync(HttpMethod.Post, "createRoom", TestClient.Raw(body))).Is(status, errcode);

    [TestCase("""{}""", 150)]
    [TestCase("""{"state_default":200}""", 201)]
    [TestCase("""{"events":{"m.room.name":60}}""", 150)]
    [TestCase("""{"events":{"m.room.tombstone":60}}""", 60)]
    public async Task Closing_a_room_of_version_12_is_dearer_than_state_is_by_default(string levels, int expected)
    {
        var room = (await _alice.PostAsync(
            "createRoom",
            new JsonObject { ["power_level_content_override"] = JsonNode.Parse(levels) })).Is(200).Member("room_id");
        var made = (await _alice.GetAsync($"rooms/{room}/state/m.room.power_levels")).Is(200).Json;
        Assert.That((int)made["events"]!["m.room.tombstone"]!, Is.EqualTo(expected));
    }

    [TestCase("""{"membership":"ban"}""", "nobody")]
    [TestCase("""{"membership":"ban"}""", "")]
    [TestCase("""{"membership":"leave"}""", "@nobody")]
    public async Task A_member_event_stands_for_a_user(string content, string key)
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject())).Member("room_id");
        (await _alice.PutAsync($"rooms/{room}/state/m.room.member/{key}", JsonNode.Parse(content)))
            .Is(400, "M_INVALID_PARAM");
        (await _alice.PostAsync("createRoom", new JsonObject
        {
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.member",
                ["state_key"] = key,
                ["content"] = JsonNode.Parse(content),
            }),
        })).Is(400, "M_INVALID_PARAM");
    }

    [TestCase("""{"alias":5}""", 400)]
    [TestCase("""{"alias":"kitchen"}""", 400)]
    [TestCase("""{"alt_aliases":"kitchen"}""", 400)]
    [TestCase("""{"alt_aliases":[5]}""", 400)]
    [TestCase("""{"alias":null,"alt_aliases":[]}""", 200)]
    [TestCase("""{"alias":""}""", 200)]
    public async Task A_canonical_alias_has_the_form_of_one(string content, int status)
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject())).Member("room_id");
        (await _alice.PutAsync($"rooms/{room}/state/m.room.canonical_alias", JsonNode.Parse(content)))
            .Is(status, status == 400 ? "M_INVALID_PARAM" : null);
    }

    [Test]
    public async Task The_invitation_of_a_third_party_that_one_shows_must_be_there()
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" }))
            .Member("room_id");
        await _alice.PutAsync($"rooms/{room}/state/m.room.third_party_invite/known", new JsonObject
        {
            ["display_name"] = "b…",
        });
        JsonObject Showing(string token) => new()
        {
            ["third_party_signed"] = new JsonObject
            {
                ["sender"] = _alice.UserId,
                ["mxid"] = _bob.UserId,
                ["token"] = token,
                ["signatures"] = new JsonObject(),
            },
        };

        (await _bob.PostAsync($"rooms/{room}/join", Showing("unknown"))).Is(403, "M_FORBIDDEN");
        (await _bob.PostAsync($"rooms/{room}/join", Showing("known"))).Is(200);
    }

    [Test]
    public async Task Aliases_belong_to_their_creator_and_point_to_one_room()
    {
        var one = (await _alice.PostAsync("createRoom", new JsonObject())).Member("room_id");
        var other = (await _bob.PostAsync("createRoom", new JsonObject())).Member("room_id");
        var alias = $"%23hall:{TestServer.ServerName}";

        (await _bob.PutAsync($"directory/room/{alias}", new JsonObject { ["room_id"] = one })).Is(403, "M_FORBIDDEN");
        (await _alice.PutAsync($"directory/room/{alias}", new JsonObject { ["room_id"] = one })).Is(200);
        (await _bob.PutAsync($"directory/room/{alias}", new JsonObject { ["room_id"] = other })).Is(409, "M_UNKNOWN");
        (await _bob.PutAsync(
            $"rooms/{other}/state/m.room.canonical_alias/",
            new JsonObject { ["alias"] = $"#hall:{TestServer.ServerName}" }))
            .Is(400, "M_BAD_ALIAS");
        (await _bob.DeleteAsync($"directory/room/{alias}")).Is(403, "M_FORBIDDEN");
        (await _alice.DeleteAsync($"directory/room/{alias}")).Is(200);
        (await _server.Anyone.GetAsync($"directory/room/{alias}")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task An_annotation_is_made_once_and_a_thread_starts_at_an_event_of_its_own()
    {
        var room = (await _alice.PostAsync("createRoom", new JsonObject())).Member("room_id");
        var said = (await _alice.PutAsync($"rooms/{room}/send/m.room.message/1", new JsonObject { ["body"] = "hi" }))
            .Member("event_id");
        JsonObject Relates(string type, string to, string? key = null) => new()
        {
            ["m.relates_to"] = new JsonObject { ["rel_type"] = type, ["event_id"] = to, ["key"] = key },
        };

        var like = await _alice.PutAsync($"rooms/{room}/send/m.reaction/2", Relates("m.annotation", said, "+1"));
        (await _alice.PutAsync($"rooms/{room}/send/m.reaction/3", Relates("m.annotation", said, "+1")))
            .Is(400, "M_DUPLICATE_ANNOTATION");
        (await _alice.PutAsync($"rooms/{room}/send/m.reaction/4", Relates("m.annotation", said, "-1"))).Is(200);
        (await _alice.PutAsync($"rooms/{room}/redact/{like.Is(200).Member("event_id")}/5")).Is(200);
        (await _alice.PutAsync($"rooms/{room}/send/m.reaction/6", Relates("m.annotation", said, "+1"))).Is(200);
        var inThread = await _alice.PutAsync($"rooms/{room}/send/m.room.message/7", Relates("m.thread", said));
        (await _alice.PutAsync(
            $"rooms/{room}/send/m.room.message/8",
            Relates("m.thread", inThread.Is(200).Member("event_id"))))
            .Is(400, "M_UNKNOWN");
    }
}
