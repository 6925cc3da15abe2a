using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Http;

/// <summary>NUL is legal JSON, and no database keeps it as text.</summary>
public sealed class UnstorableTextTests
{
    private const string Nul = "a\0b";

    private TestServer _server = null!;
    private TestUser _alice = null!;
    private string _room = "";
    private string _event = "";

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _room = (await _alice.PostAsync("createRoom")).Is(200).Member("room_id");
        _event = (await _alice.PutAsync($"rooms/{_room}/send/m.room.message/1", new JsonObject { ["body"] = "x" }))
            .Is(200).Member("event_id");
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    public static IEnumerable<TestCaseData> Refused
    {
        get
        {
            static TestCaseData Case(string method, string path, JsonObject body) =>
                new TestCaseData(method, path, body).SetArgDisplayNames(
                    $"{method} {path} {body.ToJsonString()[..Math.Min(40, body.ToJsonString().Length)]}");

            static JsonObject Login(string user) =>
                new() { ["type"] = "m.login.password", ["user"] = user, ["password"] = "x" };
            static JsonObject Of(params string[] names) =>
                names.Reverse().Aggregate(new JsonObject(), (inner, name) => new JsonObject { [name] = inner });

            yield return Case("POST", "login", Login(Nul));
            yield return Case("POST", "login", Login($"@{Nul}:test.example"));
            yield return Case("POST", "register", new JsonObject { ["username"] = Nul });
            yield return Case("POST", "register", new JsonObject { ["device_id"] = Nul });
            yield return Case("POST", "register", new JsonObject { ["initial_device_display_name"] = Nul });
            yield return Case("PUT", "devices/X", new JsonObject { ["display_name"] = Nul });
            yield return Case("POST", "delete_devices", new JsonObject { ["devices"] = new JsonArray(Nul) });
            yield return Case("POST", "createRoom", new JsonObject { ["room_alias_name"] = Nul });
            yield return Case("POST", "createRoom", new JsonObject
            {
                ["invite"] = new JsonArray($"@{Nul}:test.example"),
            });
            yield return Case("POST", "createRoom", new JsonObject
            {
                ["initial_state"] = new JsonArray(new JsonObject { ["type"] = Nul, ["content"] = new JsonObject() }),
            });
            yield return Case("POST", "createRoom", new JsonObject
            {
                ["initial_state"] = new JsonArray(
                    new JsonObject { ["type"] = "a.b", ["state_key"] = Nul, ["content"] = new JsonObject() }),
            });
            yield return Case("PUT", "directory/room/%23x:test.example", new JsonObject { ["room_id"] = "!" + Nul });
            yield return Case("POST", "rooms/ROOM/invite", new JsonObject { ["user_id"] = $"@{Nul}:test.example" });
            yield return Case("POST", "rooms/ROOM/read_markers", new JsonObject { ["m.read"] = "$" + Nul });
            yield return Case("POST", "rooms/ROOM/receipt/m.read/EVENT", new JsonObject { ["thread_id"] = Nul });
            yield return Case("PUT", "sendToDevice/a.b/1", Of("messages", $"@{Nul}:test.example", "X"));
            yield return Case("PUT", "sendToDevice/a.b/2", Of("messages", "@alice:test.example", Nul));
            yield return Case("POST", "keys/upload", new JsonObject
            {
                ["one_time_keys"] = new JsonObject { ["alg:" + Nul] = "key" },
            });
            yield return Case("POST", "keys/upload", new JsonObject
            {
                ["one_time_keys"] = new JsonObject { [Nul + ":id"] = "key" },
            });
            yield return Case("POST", "keys/upload", new JsonObject
            {
                ["fallback_keys"] = new JsonObject { ["alg:" + Nul] = "key" },
            });
            yield return Case("POST", "keys/query", new JsonObject
            {
                ["device_keys"] = new JsonObject { ["@alice:test.example"] = new JsonArray(Nul) },
            });
            yield return Case("POST", "keys/claim", new JsonObject
            {
                ["one_time_keys"] = new JsonObject { ["@alice:test.example"] = new JsonObject { [Nul] = "alg" } },
            });
            yield return Case("POST", "keys/claim", new JsonObject
            {
                ["one_time_keys"] = new JsonObject { ["@alice:test.example"] = new JsonObject { ["X"] = Nul } },
            });
            yield return Case("POST", "keys/signatures/upload", Of("@alice:test.example", Nul));
            yield return Case("POST", "room_keys/version", new JsonObject
            {
                ["algorithm"] = Nul,
                ["auth_data"] = new JsonObject(),
            });
            yield return Case("PUT", "room_keys/keys/!r:x?version=1", new JsonObject { ["sessions"] = Sessions(Nul) });
            yield return Case("PUT", "room_keys/keys?version=1", new JsonObject
            {
                ["rooms"] = new JsonObject { ["!" + Nul] = new JsonObject { ["sessions"] = Sessions("s") } },
            });
            yield return Case("PUT", "pushrules/global/room/a%00b", new JsonObject { ["actions"] = new JsonArray() });
            yield return Case("PUT", "user/@alice:test.example/account_data/a%00b", new JsonObject());
            yield return Case("PUT", "profile/@alice:test.example/a%00b", new JsonObject { ["a"] = 1 });
            yield return Case("PUT", "rooms/ROOM/send/a%00b/1", new JsonObject());
            yield return Case("PUT", "rooms/ROOM/send/a.b/a%00b", new JsonObject());
            yield return Case("PUT", "rooms/ROOM/state/a.b/a%00b", new JsonObject());
        }
    }

    private static JsonObject Sessions(string id) => new()
    {
        [id] = new JsonObject
        {
            ["first_message_index"] = 0,
            ["forwarded_count"] = 0,
            ["is_verified"] = true,
            ["session_data"] = new JsonObject(),
        },
    };

    [TestCaseSource(nameof(Refused))]
    public async Task Text_with_a_nul_that_would_be_stored_as_text_is_refused_when_it_is_read(
        string method, string path, JsonObject body)
    {
        var target =
            path.Replace("ROOM", _room, StringComparison.Ordinal).Replace("EVENT", _event, StringComparison.Ordinal);
        var reply = await _alice.SendAsync(new HttpMethod(method), target, TestClient.Raw(body.ToJsonString()));

        Assert.That(reply.Status, Is.EqualTo(400), reply.Text);
        Assert.That(
            reply.Text,
            Does.Contain("NUL").Or.Contain("not percent-encoded UTF-8"),
            "the database was not asked");
    }

    [Test]
    public async Task A_registration_token_with_a_nul_is_refused_when_it_is_read()
    {
        await using var server = await TestServer.StartAsync();
        var auth = new JsonObject { ["type"] = "m.login.registration_token", ["token"] = Nul };

        var reply = (await server.Anyone.PostAsync("register", new JsonObject { ["auth"] = auth }))
            .Is(400, "M_INVALID_PARAM");

        Assert.That(reply.Text, Does.Contain("NUL"));
    }

    [Test]
    public async Task Contents_may_hold_a_nul()
    {
        var content = new JsonObject { ["body"] = Nul, [Nul] = 1 };
        var sent = (await _alice.PutAsync($"rooms/{_room}/send/m.room.message/nul", content.DeepClone()))
            .Is(200).Member("event_id");
        (await _alice.PutAsync($"rooms/{_room}/state/a.b/", content.DeepClone())).Is(200);
        (await _alice.PutAsync($"user/{_alice.UserId}/account_data/a.b", content.DeepClone())).Is(200);
        (await _alice.PutAsync($"profile/{_alice.UserId}/displayname", new JsonObject { ["displayname"] = Nul }))
            .Is(200);
        (await _alice.PostAsync(
            $"user/{_alice.UserId}/filter",
            new JsonObject { ["event_fields"] = new JsonArray(Nul) })).Is(200);
        (await _alice.PutAsync($"rooms/{_room}/redact/{sent}/nul", new JsonObject { ["reason"] = Nul })).Is(200);
        (await _alice.PostAsync("createRoom", new JsonObject { ["name"] = Nul, ["topic"] = Nul })).Is(200);

        var toDevice = new JsonObject
        {
            ["messages"] = new JsonObject
            {
                [_alice.UserId] = new JsonObject { [_alice.DeviceId] = content.DeepClone() },
            },
        };
        (await _alice.PutAsync("sendToDevice/a.b/nul", toDevice)).Is(200);

        var read = (await _alice.GetAsync($"rooms/{_room}/state/a.b/")).Is(200);
        Assert.That(JsonNode.DeepEquals(read.Json, content), read.Text);
    }

    [TestCase("rel_type")]
    [TestCase("key")]
    public async Task A_relation_with_a_nul_is_an_event_like_any_other(string member)
    {
        var parent =
            (await _alice.PutAsync($"rooms/{_room}/send/m.room.message/p-{member}", new JsonObject { ["body"] = "x" }))
                .Is(200);
        var relation =
            new JsonObject { ["rel_type"] = "m.annotation", ["event_id"] = parent.Member("event_id"), ["key"] = "k" };
        relation[member] = Nul;
        JsonObject Body() => new() { ["m.relates_to"] = relation.DeepClone() };

        var sent = (await _alice.PutAsync($"rooms/{_room}/send/m.reaction/r-{member}", Body()))
            .Is(200).Member("event_id");

        var read = (await _alice.GetAsync($"rooms/{_room}/event/{sent}")).Is(200);
        Assert.That(JsonNode.DeepEquals(read.Json["content"], Body()), read.Text);
    }

    [Test]
    public async Task A_password_may_hold_a_nul()
    {
        var reply = await _server.Anyone.PostAsync("register", new JsonObject
        {
            ["username"] = "nul-password",
            ["password"] = "12345678" + Nul,
            ["auth"] = new JsonObject { ["type"] = "m.login.dummy" },
        });
        reply.Is(200);
        var login = new JsonObject
        {
            ["type"] = "m.login.password",
            ["user"] = "nul-password",
            ["password"] = "12345678" + Nul,
        };
        (await _server.Anyone.PostAsync("login", login)).Is(200);
    }
}
