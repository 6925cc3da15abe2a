using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Crypto;

namespace Matrix.Federation.Tests.Endpoints;

/// <summary>
/// The endpoints of servers, called over TLS: their responses, and the errors of every endpoint that requires a
/// signature.
/// </summary>
public abstract class EndpointTests(string databaseKind) : DatabaseTests(databaseKind)
{
    private protected ServerUnderTest Server { get; private set; } = null!;

    private protected Peer Peer { get; private set; } = null!;

    private TestUser Alice { get; set; } = null!;

    private string RoomId { get; set; } = "";

    /// <summary>The requests of endpoints that require a signature: method, target, body.</summary>
    private static IEnumerable<TestCaseData> SignedRequests()
    {
        yield return Case("query/profile", "GET", "query/profile?user_id=ALICE");
        yield return Case("query/directory", "GET", "query/directory?room_alias=ALIAS");
        yield return Case("query", "GET", "query/weather?of=there", 404);
        yield return Case("user/devices", "GET", "user/devices/ALICE");
        yield return Case("media/thumbnail", "GET", "media/thumbnail/unknown?width=1&height=1", 404);
        yield return Case("media/download", "GET", "media/download/unknown", 404);
        yield return Case("user/keys/query", "POST", "user/keys/query", 200, """{"device_keys":{"ALICE":[]}}""");
        yield return Case(
            "user/keys/claim", "POST", "user/keys/claim", 200,
            """{"one_time_keys":{"ALICE":{"NODEVICE":"signed_curve25519"}}}""");

        static TestCaseData Case(string name, string method, string path, int status = 200, string? body = null) =>
            new TestCaseData(method, "/_matrix/federation/v1/" + path, body, status).SetArgDisplayNames(name);
    }

    /// <summary>Starts the server, and a peer whose keys it can get.</summary>
    private protected abstract Task<(ServerUnderTest Server, Peer Peer)> StartAsync();

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        (Server, Peer) = await StartAsync();
        Alice = await Server.RegistersAsync("alice", "alice's phone");
        await Alice.UploadsKeysAsync(oneTimeKeys: 3);
        await Alice.CrossSignsAsync();
        (await Alice.PutAsync(
            $"profile/{Alice.UserId}/displayname", new JsonObject { ["displayname"] = "Alice" })).Is(200);
        var job = new JsonObject { ["org.example.job"] = new JsonObject { ["a"] = 1 } };
        (await Alice.PutAsync($"profile/{Alice.UserId}/org.example.job", job)).Is(200);
        var room = await Alice.PostAsync("createRoom", new JsonObject { ["room_alias_name"] = "kitchen" });
        RoomId = (string)room.Is(200).Json["room_id"]!;
    }

    [OneTimeTearDown]
    public async Task TearDownAsync()
    {
        if (Server is not null) await Server.DisposeAsync();
    }

    [Test]
    public async Task Anyone_may_ask_for_the_software()
    {
        var reply = await SendUnsignedAsync("GET", "/_matrix/federation/v1/version");

        reply.Is(200).Matches("version.yaml", "/version");
        Assert.That((string?)reply.Json["server"]!["name"], Is.EqualTo("Matrix.Hybrid"));
        Assert.That((string?)reply.Json["server"]!["version"], Does.Match(@"^\d+\.\d+\.\d+$"));
    }

    [TestCase("/_matrix/key/v2/server")]
    [TestCase("/_matrix/key/v2/server/")]
    [TestCase("/_matrix/key/v2/server/ed25519:any")]
    public async Task The_published_keys_are_signed_by_each_of_them(string target)
    {
        var keys = (await SendUnsignedAsync("GET", target)).Is(200).Matches("keys_server.yaml", "/server").Json;

        Assert.That((string?)keys["server_name"], Is.EqualTo(Server.Name));
        var inAnHour = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeMilliseconds();
        Assert.That((long?)keys["valid_until_ts"], Is.GreaterThan(inAnHour));
        Assert.That(keys["verify_keys"]!.AsObject(), Is.Not.Empty);
        var signatures = keys["signatures"]![Server.Name]!;
        keys.Remove("signatures");
        foreach (var (id, key) in keys["verify_keys"]!.AsObject())
        {
            Assert.That(Base64Text.TryDecode((string)key!["key"]!, out var publicKey), Is.True);
            Assert.That(Base64Text.TryDecode((string)signatures[id]!, out var signature), Is.True);
            Assert.That(Ed25519.Verify(publicKey, Peer.Canonical(keys), signature), Is.True, id);
        }
    }

    [Test]
    public async Task A_profile_has_all_fields_or_the_one_asked_for()
    {
        var whole = (await QueryAsync($"query/profile?user_id={Alice.UserId}")).Is(200);
        var one = (await QueryAsync($"query/profile?user_id={Alice.UserId}&field=displayname")).Is(200);

        whole.Matches("query.yaml", "/query/profile");
        Assert.That(whole.Text, Is.EqualTo("""{"displayname":"Alice","org.example.job":{"a":1}}"""));
        Assert.That(one.Matches("query.yaml", "/query/profile").Text, Is.EqualTo("""{"displayname":"Alice"}"""));
        foreach (var field in new[] { "avatar_url", "m.tz", "", "no field at all" })
        {
            var none = await QueryAsync($"query/profile?user_id={Alice.UserId}&field={Uri.EscapeDataString(field)}");
            none.Is(404, "M_NOT_FOUND").Matches("query.yaml", "/query/profile");
        }
    }

    [Test]
    public async Task An_alias_leads_to_the_room_and_its_servers()
    {
        var reply = await QueryAsync($"query/directory?room_alias={Uri.EscapeDataString($"#kitchen:{Server.Name}")}");

        reply.Is(200).Matches("query.yaml", "/query/directory");
        Assert.That((string?)reply.Json["room_id"], Is.EqualTo(RoomId));
        Assert.That(reply.Json["servers"]!.ToJsonString(), Is.EqualTo($"[\"{Server.Name}\"]"));
        (await QueryAsync($"query/directory?room_alias={Uri.EscapeDataString($"#cellar:{Server.Name}")}"))
            .Is(404, "M_NOT_FOUND").Matches("query.yaml", "/query/directory");
    }

    [Test]
    public async Task A_device_list_has_keys_names_and_a_number_that_rises()
    {
        var bob = await Server.RegistersAsync("bob", "bob's phone");
        var before = await DevicesAsync(bob);
        Assert.That(before["devices"]!.AsArray(), Is.Empty, "a device without keys is none");

        await bob.UploadsKeysAsync(oneTimeKeys: 0);
        await bob.CrossSignsAsync();
        var after = await DevicesAsync(bob);

        Assert.That((long)after["stream_id"]!, Is.GreaterThan((long)before["stream_id"]!));
        var device = after["devices"]!.AsArray().Single()!;
        Assert.That((string?)device["device_id"], Is.EqualTo(bob.DeviceId));
        Assert.That((string?)device["device_display_name"], Is.EqualTo("bob's phone"));
        var ed25519 = (string?)device["keys"]!["keys"]![$"ed25519:{bob.DeviceId}"];
        Assert.That(ed25519, Is.EqualTo(bob.DeviceKey.Public));
        Assert.That(device["keys"]!.AsObject().ContainsKey("unsigned"), Is.False);
        Assert.That((string?)after["master_key"]!["usage"]![0], Is.EqualTo("master"));
        Assert.That((string?)after["self_signing_key"]!["usage"]![0], Is.EqualTo("self_signing"));
        Assert.That(after.ToJsonString(), Does.Not.Contain("user_signing"));
    }

    [Test]
    public async Task Keys_of_local_users_are_served_without_their_user_signing_keys()
    {
        var body = new JsonObject { ["device_keys"] = new JsonObject { [Alice.UserId] = new JsonArray() } };

        var reply = (await PostAsync("user/keys/query", body)).Is(200);

        reply.Matches("user_keys.yaml", "/user/keys/query", "post");
        var device = reply.Json["device_keys"]![Alice.UserId]![Alice.DeviceId]!;
        Assert.That((string?)device["unsigned"]!["device_display_name"], Is.EqualTo("alice's phone"));
        Assert.That((string?)reply.Json["master_keys"]![Alice.UserId]!["usage"]![0], Is.EqualTo("master"));
        Assert.That((string?)reply.Json["self_signing_keys"]![Alice.UserId]!["usage"]![0], Is.EqualTo("self_signing"));
        Assert.That(reply.Text, Does.Not.Contain("user_signing"));

        body["device_keys"] = new JsonObject { [$"@nobody:{Server.Name}"] = new JsonArray() };
        Assert.That((await PostAsync("user/keys/query", body)).Is(200).Json["device_keys"]!.AsObject(), Is.Empty);
    }

    [Test]
    public async Task A_one_time_key_is_served_once()
    {
        var body = new JsonObject
        {
            ["one_time_keys"] = new JsonObject
            {
                [Alice.UserId] = new JsonObject
                {
                    [Alice.DeviceId] = "signed_curve25519",
                    ["NODEVICE"] = "signed_curve25519",
                },
            },
        };

        var claimed = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            var reply = (await PostAsync("user/keys/claim", body)).Is(200);
            reply.Matches("user_keys.yaml", "/user/keys/claim", "post");
            var (id, key) = reply.Json["one_time_keys"]![Alice.UserId]![Alice.DeviceId]!.AsObject().Single();
            Assert.That((string?)key!["key"], Is.Not.Null);
            claimed.Add(id);
        }

        Assert.That(claimed, Is.EqualTo(new[] { "signed_curve25519:0", "signed_curve25519:1", "signed_curve25519:2" }));
        var none = (await PostAsync("user/keys/claim", body)).Is(200);
        Assert.That(none.Json["one_time_keys"]!.AsObject(), Is.Empty);
    }

    [TestCase("GET", "query/profile", null, "M_MISSING_PARAM")]
    [TestCase("GET", "query/profile?user_id=alice", null, "M_INVALID_PARAM")]
    [TestCase("GET", "query/profile?user_id=%ff", null, "M_INVALID_PARAM")]
    [TestCase("GET", "query/profile?user_id=@alice:elsewhere.example", null, "M_INVALID_PARAM")]
    [TestCase("GET", "query/directory", null, "M_MISSING_PARAM")]
    [TestCase("GET", "query/directory?room_alias=kitchen", null, "M_INVALID_PARAM")]
    [TestCase("GET", "query/directory?room_alias=%23kitchen:elsewhere.example", null, "M_INVALID_PARAM")]
    [TestCase("GET", "user/devices/alice", null, "M_INVALID_PARAM")]
    [TestCase("GET", "user/devices/@alice:elsewhere.example", null, "M_INVALID_PARAM")]
    [TestCase("POST", "user/keys/query", "{}", "M_BAD_JSON")]
    [TestCase("POST", "user/keys/query", """{"device_keys":[]}""", "M_BAD_JSON")]
    [TestCase("POST", "user/keys/query", """{"device_keys":{"@a:b":{}}}""", "M_BAD_JSON")]
    [TestCase("POST", "user/keys/query", """{"device_keys":{"alice":[]}}""", "M_INVALID_PARAM")]
    [TestCase("POST", "user/keys/query", """{"device_keys":{"@alice:elsewhere.example":[]}}""", "M_INVALID_PARAM")]
    [TestCase("POST", "user/keys/claim", "{}", "M_BAD_JSON")]
    [TestCase("POST", "user/keys/claim", """{"one_time_keys":{"@a:b":[]}}""", "M_BAD_JSON")]
    [TestCase("POST", "user/keys/claim", """{"one_time_keys":{"@a:b":{"D":1}}}""", "M_BAD_JSON")]
    [TestCase("POST", "user/keys/claim", """{"one_time_keys":{"@a:elsewhere.example":{"D":"a"}}}""", "M_INVALID_PARAM")]
    public async Task A_signed_request_with_a_mistake_gets_its_error(
        string method, string path, string? body, string errcode)
    {
        var json = body is null ? null : JsonNode.Parse(body);

        (await Peer.SendAsync(Server, method, "/_matrix/federation/v1/" + path, json)).Is(400, errcode);
    }

    [TestCase("query/profile?user_id=@nobody:NAME")]
    [TestCase("user/devices/@nobody:NAME")]
    public async Task An_unknown_user_is_not_found(string path) =>
        (await QueryAsync(path.Replace("NAME", Server.Name, StringComparison.Ordinal))).Is(404, "M_NOT_FOUND");

    [TestCaseSource(nameof(SignedRequests))]
    public async Task A_valid_signature_is_accepted(string method, string target, string? body, int status)
    {
        var (uri, json) = Fill(target, body);

        var signed = await Peer.SendAsync(Server, method, uri, json);
        var ofOlderServer = await SendAsync(
            method, uri, json, Peer.Authorization(Server.Name, method, uri, json, names: false));
        var second = await SendAsync(
            method, uri, json,
            Peer.Authorization(Server.Name, method, uri, json, Peer.Unpublished),
            Peer.Authorization(Server.Name, method, uri, json));

        Assert.That((signed.Status, ofOlderServer.Status, second.Status), Is.EqualTo((status, status, status)));
        Assert.That(signed.Headers.Contains("Access-Control-Allow-Origin"), Is.False);
    }

    [TestCaseSource(nameof(SignedRequests))]
    public async Task Without_a_valid_signature_the_request_is_unauthorized(
        string method, string target, string? body, int status)
    {
        var (uri, json) = Fill(target, body);
        var valid = Peer.Authorization(Server.Name, method, uri, json);
        var otherBody = new JsonObject { ["a"] = 1 };
        var headers = new Dictionary<string, string[]>
        {
            ["no header"] = [],
            ["another scheme"] = ["Bearer abc"],
            ["no parameters"] = ["X-Matrix"],
            ["a malformed header"] = ["X-Matrix origin=\"" + Peer.Name],
            ["no signature"] = [$"X-Matrix origin=\"{Peer.Name}\",key=\"{Peer.Current.Key.Id}\""],
            ["a signature that is none"] = [valid[..valid.IndexOf("sig=", StringComparison.Ordinal)] + "sig=\"!\""],
            ["a short signature"] = [valid[..valid.IndexOf("sig=", StringComparison.Ordinal)] + "sig=\"AAAA\""],
            ["a signature of another method"] = [Peer.Authorization(Server.Name, "DELETE", uri, json)],
            ["a signature of another target"] = [Peer.Authorization(Server.Name, method, uri + "x", json)],
            ["a signature of another body"] = [Peer.Authorization(Server.Name, method, uri, otherBody)],
            ["an expired key"] = [Peer.Authorization(Server.Name, method, uri, json, Peer.Old)],
            ["an unpublished key"] = [Peer.Authorization(Server.Name, method, uri, json, Peer.Unpublished)],
            ["another destination"] = [Peer.Authorization("elsewhere.example", method, uri, json)],
            ["another, unnamed destination"] = [Peer.Authorization("other.example", method, uri, json, names: false)],
            ["another destination in one header"] = [valid, Peer.Authorization("other.example", method, uri, json)],
            ["a key of another server"] = [valid.Replace(Peer.Name, "127.0.0.1:1", StringComparison.Ordinal)],
            ["two origins"] = [valid, valid.Replace(Peer.Name, "127.0.0.1:1", StringComparison.Ordinal)],
            ["the server itself"] = [new Peer(Server.Name).Authorization(Server.Name, method, uri, json)],
            ["an origin that is no name"] = [new Peer("no name").Authorization(Server.Name, method, uri, json)],
        };

        foreach (var (name, authorizations) in headers)
        {
            var reply = await SendAsync(method, uri, json, authorizations);
            Assert.That((reply.Status, reply.Errcode), Is.EqualTo((401, "M_UNAUTHORIZED")), $"{name}: {reply.Text}");
            Assert.That((string?)reply.Json["error"], Is.Not.Empty);
        }
    }

    [TestCaseSource(nameof(SignedRequests))]
    public async Task Published_keys_count_until_they_are_no_longer_valid(
        string method, string target, string? body, int status)
    {
        var (uri, json) = Fill(target, body);
        var expired = await NewPeerAsync(DateTimeOffset.UtcNow.AddMinutes(-1));

        (await expired.SendAsync(Server, method, uri, json)).Is(401, "M_UNAUTHORIZED");
    }

    [TestCaseSource(nameof(SignedRequests))]
    public async Task A_malformed_body_gets_its_error(string method, string target, string? body, int status)
    {
        var (uri, json) = Fill(target, body);
        if (json is null) return;
        var valid = Peer.Authorization(Server.Name, method, uri, json);

        foreach (var (text, errcode) in new[]
        {
            ("", "M_NOT_JSON"), ("{", "M_NOT_JSON"), ("{}}", "M_NOT_JSON"), ("\"\\ud800\"", "M_BAD_JSON"),
            ("[]", "M_BAD_JSON"), ("null", "M_BAD_JSON"), (new string('[', 1200), "M_BAD_JSON"),
        })
        {
            (await Server.SendAsync(Peer.Request(Server, method, uri, text).With(valid))).Is(400, errcode);
            (await Server.SendAsync(Peer.Request(Server, method, uri, text))).Is(401, "M_UNAUTHORIZED");
        }
    }

    [TestCase("GET", "/_matrix/federation/v1/nothing", 404)]
    [TestCase("GET", "/_matrix/federation/v9/version", 404)]
    [TestCase("GET", "/_matrix/key/v1", 404)]
    [TestCase("GET", "/_matrix/key/v1/server", 404)]
    [TestCase("GET", "/_matrix/client/versions", 404)]
    [TestCase("GET", "/_matrix/client/v3/login", 404)]
    [TestCase("GET", "/health", 404)]
    [TestCase("GET", "/", 404)]
    [TestCase("POST", "/_matrix/federation/v1/version", 405)]
    [TestCase("PUT", "/_matrix/federation/v1/query/profile", 405)]
    [TestCase("GET", "/_matrix/federation/v1/user/keys/claim", 405)]
    [TestCase("OPTIONS", "/_matrix/federation/v1/version", 405)]
    [TestCase("DELETE", "/_matrix/key/v2/server", 405)]
    public async Task What_the_listener_does_not_serve_is_unrecognized(string method, string target, int status)
    {
        var reply = (await SendUnsignedAsync(method, target)).Is(status, "M_UNRECOGNIZED");

        Assert.That(reply.Headers.Contains("Access-Control-Allow-Origin"), Is.False);
        Assert.That(string.Join(',', reply.ContentHeaders.Allow), Does.Not.Contain("OPTIONS"));
    }

    /// <summary>A peer whose published keys are valid until this time.</summary>
    private protected abstract Task<Peer> NewPeerAsync(DateTimeOffset validUntil);

    private Task<Reply> QueryAsync(string path) => Peer.SendAsync(Server, "GET", "/_matrix/federation/v1/" + path);

    private async Task<JsonObject> DevicesAsync(TestUser user) =>
        (await QueryAsync($"user/devices/{user.UserId}")).Is(200)
            .Matches("user_devices.yaml", "/user/devices/{userId}").Json;

    private Task<Reply> PostAsync(string path, JsonObject body) =>
        Peer.SendAsync(Server, "POST", "/_matrix/federation/v1/" + path, body);

    private Task<Reply> SendUnsignedAsync(string method, string target) =>
        Server.SendAsync(Peer.Request(Server, method, target));

    private Task<Reply> SendAsync(string method, string target, JsonNode? body, params string[] authorizations) =>
        RawConnection.RequestAsync(Server.FederationAddress, method, target, body?.ToJsonString(), authorizations);

    private (string Uri, JsonNode? Body) Fill(string target, string? body) => (
        target.Replace("ALICE", Alice.UserId, StringComparison.Ordinal)
            .Replace("ALIAS", Uri.EscapeDataString($"#kitchen:{Server.Name}"), StringComparison.Ordinal),
        body is null ? null : JsonNode.Parse(body.Replace("ALICE", Alice.UserId, StringComparison.Ordinal)));
}

/// <summary>The same on a server in this process, which knows the peer's keys.</summary>
public sealed class InProcessEndpointTests() : EndpointTests(TestDatabase.Sqlite)
{
    private protected override async Task<(ServerUnderTest, Peer)> StartAsync()
    {
        var peer = new Peer(Loopback.Next().ToString());
        return ((await TestServer.StartWithKnownKeysAsync()).Knows(peer), peer);
    }

    private protected override Task<Peer> NewPeerAsync(DateTimeOffset validUntil)
    {
        var peer = new Peer(Loopback.Next().ToString()) { ValidUntil = validUntil.ToUnixTimeMilliseconds() };
        ((TestServer)Server).Knows(peer);
        return Task.FromResult(peer);
    }
}
