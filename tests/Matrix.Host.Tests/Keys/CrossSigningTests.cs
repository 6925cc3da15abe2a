using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Keys;

public sealed class CrossSigningTests
{
    private const string Path = "keys/device_signing/upload";

    private TestServer _server = null!;
    private TestUser _alice = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task First_keys_need_no_authentication_and_neither_do_the_same_keys_again()
    {
        var identity = new Identity(_alice.UserId);

        (await _alice.PostAsync(Path, identity.Upload())).Is(200);
        (await _alice.PostAsync(Path, identity.Upload())).Is(200);
        (await _alice.PostAsync(Path, new JsonObject { ["master_key"] = identity.MasterKey() })).Is(200);
    }

    [Test]
    public async Task Other_keys_need_the_password_and_replace_those_before()
    {
        await _alice.CrossSignsAsync();
        var other = new Identity(_alice.UserId);

        var asked = await _alice.PostAsync(Path, other.Upload());
        var body = other.Upload();
        body["auth"] = _alice.PasswordAuth(asked.Member("session"));
        var granted = await _alice.PostAsync(Path, body);

        Assert.That(asked.Status, Is.EqualTo(401), asked.Text);
        Assert.That(asked.Json["flows"]!.ToJsonString(), Is.EqualTo("""[{"stages":["m.login.password"]}]"""));
        granted.Is(200);
        var found = (await _alice.QueriesKeysAsync(_alice.UserId)).Json;
        Assert.That(
            (string?)found["master_keys"]![_alice.UserId]!["keys"]![other.Master.Id],
            Is.EqualTo(other.Master.Public));
    }

    [Test]
    public async Task One_new_key_beside_the_known_master_key_needs_the_password_too()
    {
        var identity = await _alice.CrossSignsAsync();
        var body = new JsonObject
        {
            ["master_key"] = identity.MasterKey(),
            ["self_signing_key"] = ClientKeys.Signing(_alice.UserId, "self_signing", new ClientKey(), identity.Master),
        };

        Assert.That((await _alice.PostAsync(Path, body)).Status, Is.EqualTo(401));
    }

    [Test]
    public async Task Of_several_first_keys_at_once_one_set_is_taken_and_the_others_need_authentication()
    {
        var replies = await Task.WhenAll(
            Enumerable.Range(0, 8).Select(_ => _alice.PostAsync(Path, new Identity(_alice.UserId).Upload())));

        Assert.That(replies.Count(reply => reply.Status == 200), Is.EqualTo(1));
        Assert.That(replies.Count(reply => reply.Status == 401), Is.EqualTo(7));
    }

    [Test]
    public async Task The_user_signing_key_is_shown_to_its_user_only()
    {
        await _alice.CrossSignsAsync();
        var bob = await _server.RegistersAsync("bob");

        var own = (await _alice.QueriesKeysAsync(_alice.UserId)).Json;
        var others = (await bob.QueriesKeysAsync(_alice.UserId)).Json;

        Assert.That(UsersIn(own, "master_keys"), Is.EqualTo(new[] { _alice.UserId }));
        Assert.That(UsersIn(own, "user_signing_keys"), Is.EqualTo(new[] { _alice.UserId }));
        Assert.That(UsersIn(others, "master_keys"), Is.EqualTo(new[] { _alice.UserId }));
        Assert.That(UsersIn(others, "self_signing_keys"), Is.EqualTo(new[] { _alice.UserId }));
        Assert.That(UsersIn(others, "user_signing_keys"), Is.Empty);
    }

    [Test]
    public async Task Keys_are_given_out_as_they_were_uploaded()
    {
        var identity = new Identity(_alice.UserId);
        var body = identity.Upload();
        await _alice.PostAsync(Path, body.DeepClone());

        var found = (await _alice.QueriesKeysAsync(_alice.UserId)).Json;

        Assert.That(JsonNode.DeepEquals(found["master_keys"]![_alice.UserId], body["master_key"]));
        Assert.That(JsonNode.DeepEquals(found["self_signing_keys"]![_alice.UserId], body["self_signing_key"]));
        Assert.That(JsonNode.DeepEquals(found["user_signing_keys"]![_alice.UserId], body["user_signing_key"]));
    }

    [Test]
    public async Task Without_any_master_key_a_parameter_is_missing()
    {
        var body = new JsonObject
        {
            ["self_signing_key"] = ClientKeys.Signing(_alice.UserId, "self_signing", new ClientKey(), new ClientKey()),
        };

        (await _alice.PostAsync(Path, body)).Is(400, "M_MISSING_PARAM");
        (await _alice.PostAsync(Path)).Is(400, "M_MISSING_PARAM");
    }

    [TestCase("self_signing")]
    [TestCase("user_signing")]
    public async Task A_key_that_the_master_key_did_not_sign_is_refused(string usage)
    {
        var identity = new Identity(_alice.UserId);
        var forged = new JsonObject
        {
            ["master_key"] = identity.MasterKey(),
            [usage + "_key"] = ClientKeys.Signing(_alice.UserId, usage, new ClientKey(), new ClientKey()),
        };
        var changed = ClientKeys.Signing(_alice.UserId, usage, new ClientKey(), identity.Master);
        changed["usage"]!.AsArray().Add("master");
        var tampered = new JsonObject { ["master_key"] = identity.MasterKey(), [usage + "_key"] = changed };
        var unsigned = new JsonObject
        {
            ["master_key"] = identity.MasterKey(),
            [usage + "_key"] = ClientKeys.Signing(_alice.UserId, usage, new ClientKey()),
        };

        (await _alice.PostAsync(Path, forged)).Is(400, "M_INVALID_SIGNATURE");
        (await _alice.PostAsync(Path, tampered)).Is(400, "M_INVALID_SIGNATURE");
        (await _alice.PostAsync(Path, unsigned)).Is(400, "M_INVALID_SIGNATURE");
    }

    [Test]
    public async Task A_master_key_with_a_wrong_signature_of_ones_device_is_refused()
    {
        await _alice.UploadsDeviceAsync(new ClientKey());
        var master =
            new ClientKey().Sign(new Identity(_alice.UserId).MasterKey(), _alice.UserId, $"ed25519:{_alice.DeviceId}");

        (await _alice.PostAsync(Path, new JsonObject { ["master_key"] = master })).Is(400, "M_INVALID_SIGNATURE");
    }

    [Test]
    public async Task A_malformed_key_is_an_invalid_parameter()
    {
        var key = new ClientKey();
        JsonObject[] masters =
        [
            ClientKeys.Signing("@bob:test.example", "master", key),
            ClientKeys.Signing(_alice.UserId, "self_signing", key),
            With(json => json["keys"]!.AsObject()["ed25519:more"] = "more"),
            With(json => json["keys"] = new JsonObject()),
            With(json => json["keys"] = new JsonObject { ["ed25519:short"] = "short" }),
            With(json => json["keys"] = new JsonObject { [key.Id] = new ClientKey().Public }),
            With(json => json["keys"] = new JsonObject { ["rsa:" + key.Public] = key.Public }),
            With(json => json["keys"] = new JsonObject { [key.Id + "="] = key.Public + "=" }),
        ];

        foreach (var master in masters)
        {
            (await _alice.PostAsync(Path, new JsonObject { ["master_key"] = master })).Is(400, "M_INVALID_PARAM");
        }

        JsonObject With(Action<JsonObject> change)
        {
            var json = ClientKeys.Signing(_alice.UserId, "master", key);
            change(json);
            return json;
        }
    }

    [Test]
    public async Task A_signing_key_must_not_have_the_name_of_a_device()
    {
        var identity = new Identity(_alice.UserId);
        await _alice.LogsInAsync(identity.SelfSigning.Public);

        (await _alice.PostAsync(Path, identity.Upload())).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_device_must_not_have_the_name_of_a_signing_key()
    {
        var identity = await _alice.CrossSignsAsync();
        var login = new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = _alice.UserId },
            ["password"] = _alice.Password,
            ["device_id"] = identity.Master.Public,
        };

        (await _server.Anyone.PostAsync("login", login)).Is(403, "M_FORBIDDEN");
    }

    [TestCase("""{"master_key":1}""")]
    [TestCase("""{"master_key":{}}""")]
    [TestCase("""{"master_key":{"user_id":"@alice:test.example","usage":"master","keys":{}}}""")]
    [TestCase("""{"master_key":{"user_id":"@alice:test.example","usage":[],"keys":{"ed25519:A":1}}}""")]
    [TestCase(
        """
        {"master_key":{"user_id":"@alice:test.example","usage":[],"keys":{},"signatures":{"@alice:test.example":[]}}}
        """)]
    public async Task A_value_of_the_wrong_type_is_bad_json(string body) =>
        (await _alice.SendAsync(HttpMethod.Post, Path, TestClient.Raw(body))).Is(400, "M_BAD_JSON");

    private static IEnumerable<string> UsersIn(JsonObject found, string kind) =>
        found[kind]!.AsObject().Select(user => user.Key);
}
