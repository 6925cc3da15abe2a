using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Accounts;

public sealed class RegistrationTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Registration_asks_for_authentication_first_and_then_gives_a_device()
    {
        var body = new JsonObject
        {
            ["username"] = "two-steps",
            ["password"] = "long enough",
            ["initial_device_display_name"] = "Phone",
        };
        var asked = (await _server.Anyone.PostAsync("register", body.DeepClone())).Is(401);
        Assert.That(asked.Json["flows"]!.ToJsonString(), Does.Contain("""{"stages":["m.login.dummy"]}"""));
        Assert.That(asked.Json["params"]!.AsObject(), Is.Empty);
        Assert.That(asked.Json["completed"], Is.Null);

        body["auth"] = new JsonObject { ["type"] = "m.login.dummy", ["session"] = asked.Member("session") };
        var reply = (await _server.Anyone.PostAsync("register", body)).Is(200);

        Assert.That(reply.Member("user_id"), Is.EqualTo("@two-steps:test.example"));
        Assert.That(reply.Json["expires_in_ms"], Is.Null);
        var client = new TestClient(_server, reply.Member("access_token"));
        var device = await client.GetAsync($"devices/{reply.Member("device_id")}");
        Assert.That(device.Is(200).Member("display_name"), Is.EqualTo("Phone"));
    }

    [Test]
    public async Task A_session_grants_one_registration()
    {
        var asked = await _server.Anyone.PostAsync("register", new JsonObject());
        JsonObject Body(string name) => new()
        {
            ["username"] = name,
            ["password"] = "long enough",
            ["auth"] = new JsonObject { ["type"] = "m.login.dummy", ["session"] = asked.Member("session") },
        };

        (await _server.Anyone.PostAsync("register", Body("once"))).Is(200);
        var refused = (await _server.Anyone.PostAsync("register", Body("twice"))).Is(401, "M_FORBIDDEN");
        Assert.That(refused.Json["completed"]!.AsArray(), Is.Empty);
    }

    [Test]
    public async Task Of_many_registrations_with_one_session_at_the_same_moment_one_is_granted()
    {
        var session = (await _server.Anyone.PostAsync("register", new JsonObject())).Is(401).Member("session");
        (await _server.Anyone.PostAsync("register", Body("crowd"))).Is(400, "M_MISSING_PARAM");

        var replies = await Task.WhenAll(Enumerable.Range(0, 10).Select(
            n => _server.Anyone.PostAsync("register", Body($"crowd{n}", "long enough"))));

        Assert.That(replies.Count(reply => reply.Status == 200), Is.EqualTo(1));
        foreach (var refused in replies.Where(reply => reply.Status != 200))
        {
            Assert.That(refused.Is(401, "M_FORBIDDEN").Member("session"), Is.Not.EqualTo(session));
        }

        JsonObject Body(string name, string? password = null)
        {
            var body = new JsonObject
            {
                ["username"] = name,
                ["auth"] = new JsonObject { ["type"] = "m.login.dummy", ["session"] = session },
            };
            if (password is not null) body["password"] = password;
            return body;
        }
    }

    [Test]
    public async Task The_same_last_request_of_a_registration_gets_its_result_again_and_another_does_not()
    {
        var asked = await _server.Anyone.PostAsync("register", new JsonObject());
        JsonObject Body(string password) => new()
        {
            ["username"] = "repeater",
            ["password"] = password,
            ["auth"] = new JsonObject { ["type"] = "m.login.dummy", ["session"] = asked.Member("session") },
        };

        var first = (await _server.Anyone.PostAsync("register", Body("long enough"))).Is(200);
        var again = (await _server.Anyone.PostAsync("register", Body("long enough"))).Is(200);

        Assert.That(again.Text, Is.EqualTo(first.Text));
        (await new TestClient(_server, first.Member("access_token")).GetAsync("account/whoami")).Is(200);
        (await _server.Anyone.PostAsync("register", Body("long enough too"))).Is(400, "M_USER_IN_USE");
    }

    [Test]
    public async Task Nobody_registers_without_auth_and_with_a_stage_that_is_not_offered()
    {
        (await _server.Anyone.PostAsync(
            "register",
            new JsonObject { ["username"] = "no-auth", ["password"] = "long enough" })).Is(401);
        (await RegisterAsync("other-stage", new JsonObject { ["type"] = "m.login.password", ["password"] = "x" }))
            .Is(401, "M_UNRECOGNIZED");
        (await RegisterAsync("no-type", new JsonObject())).Is(401);
        (await RegisterAsync("wrong-type", new JsonObject { ["type"] = 5 })).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task Names_are_checked_before_authentication()
    {
        await _server.RegistersAsync("taken");

        (await _server.Anyone.PostAsync("register", new JsonObject { ["username"] = "taken" }))
            .Is(400, "M_USER_IN_USE");
        (await _server.Anyone.PostAsync("register", new JsonObject { ["username"] = "TAKEN" }))
            .Is(400, "M_USER_IN_USE");
        (await _server.Anyone.PostAsync("register", new JsonObject { ["username"] = "no spaces" }))
            .Is(400, "M_INVALID_USERNAME");
        (await _server.Anyone.PostAsync("register", new JsonObject { ["username"] = new string('x', 250) }))
            .Is(400, "M_INVALID_USERNAME");
        (await _server.Anyone.PostAsync("register", new JsonObject { ["username"] = "" }))
            .Is(400, "M_INVALID_USERNAME");
        (await _server.Anyone.PostAsync("register", new JsonObject { ["username"] = 5 })).Is(400, "M_BAD_JSON");
        (await _server.Anyone.PostAsync("register", new JsonObject { ["username"] = "weak", ["password"] = "short" }))
            .Is(400, "M_WEAK_PASSWORD");
    }

    [Test]
    public async Task A_name_is_generated_for_who_gives_none()
    {
        var reply = (await RegisterAsync(null, new JsonObject { ["type"] = "m.login.dummy" })).Is(200);

        Assert.That(reply.Member("user_id"), Does.Match("^@[a-z]{12}:test\\.example$"));
    }

    [Test]
    public async Task Availability_says_what_registration_would()
    {
        await _server.RegistersAsync("unavailable");

        Assert.That(
            (bool?)(await _server.Anyone.GetAsync("register/available?username=available")).Is(200).Json["available"],
            Is.True);
        (await _server.Anyone.GetAsync("register/available?username=unavailable")).Is(400, "M_USER_IN_USE");
        (await _server.Anyone.GetAsync("register/available?username=a%20b")).Is(400, "M_INVALID_USERNAME");
        (await _server.Anyone.GetAsync("register/available")).Is(400, "M_MISSING_PARAM");
    }

    [Test]
    public async Task Concurrent_registrations_of_one_name_give_it_to_one()
    {
        var replies = await Task.WhenAll(
            Enumerable.Range(0, 12)
                .Select(_ => RegisterAsync("wanted", new JsonObject { ["type"] = "m.login.dummy" })));

        Assert.That(replies.Count(r => r.Status == 200), Is.EqualTo(1));
        Assert.That(
            replies.Where(r => r.Status != 200).Select(r => r.Errcode).Distinct(),
            Is.EqualTo(new[] { "M_USER_IN_USE" }));
    }

    [Test]
    public async Task Without_login_no_token_is_given()
    {
        var reply = await _server.Anyone.PostAsync("register", new JsonObject
        {
            ["username"] = "inhibited",
            ["password"] = "long enough",
            ["inhibit_login"] = true,
            ["auth"] = new JsonObject { ["type"] = "m.login.dummy" },
        });

        Assert.That(reply.Is(200).Json.Select(m => m.Key), Is.EqualTo(new[] { "user_id" }));
    }

    [Test]
    public async Task Guests_and_unknown_kinds_are_refused()
    {
        (await _server.Anyone.PostAsync("register?kind=guest")).Is(403, "M_FORBIDDEN");
        (await _server.Anyone.PostAsync("register?kind=robot")).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task The_first_users_token_makes_one_administrator_and_then_registration_is_closed()
    {
        await using var server = await TestServer.StartAsync(("registration.enabled", "false"));
        var token = server.FirstUserToken!;
        await server.RestartAsync();
        Assert.That(server.FirstUserToken, Is.EqualTo(token), "the same until it is used");

        Assert.That(
            (bool?)(await server.Anyone.GetAsync(
                $"/_matrix/client/v1/register/m.login.registration_token/validity?token={token}"))
                .Is(200).Json["valid"],
            Is.True);
        Assert.That(
            (bool?)(await server.Anyone.GetAsync(
                "/_matrix/client/v1/register/m.login.registration_token/validity?token=wrong")).Is(200).Json["valid"],
            Is.False);

        JsonObject Body(string name, string given) => new()
        {
            ["username"] = name,
            ["password"] = "long enough",
            ["auth"] = new JsonObject { ["type"] = "m.login.registration_token", ["token"] = given },
        };
        (await server.Anyone.PostAsync("register", Body("guesser", "wrong"))).Is(401, "M_FORBIDDEN");
        var replies = await Task.WhenAll(
            Enumerable.Range(0, 5).Select(i => server.Anyone.PostAsync("register", Body($"first{i}", token))));

        Assert.That(replies.Count(r => r.Status == 200), Is.EqualTo(1), "a one-time token");
        (await server.Anyone.PostAsync("register", Body("later", token))).Is(403, "M_FORBIDDEN");
        (await server.Anyone.GetAsync($"/_matrix/client/v1/register/m.login.registration_token/validity?token={token}"))
            .Is(403, "M_FORBIDDEN");
        await server.RestartAsync();
        Assert.That(server.FirstUserToken, Is.Null);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task The_first_users_token_ends_with_the_first_user_however_that_one_was_made(bool bySecret)
    {
        await using var server = await TestServer.StartAsync();
        var token = server.FirstUserToken!;
        if (bySecret)
            (await BySecretAsync("first", "long enough", admin: false, TestServer.SharedSecret, server)).Is(200);
        else await server.RegistersAsync("first");

        var body = new JsonObject
        {
            ["username"] = "second",
            ["password"] = "long enough",
            ["auth"] = new JsonObject { ["type"] = "m.login.registration_token", ["token"] = token },
        };
        (await server.Anyone.PostAsync("register", body.DeepClone())).Is(401, "M_UNRECOGNIZED");
        await server.RestartAsync(("registration.requires_token", "true"));
        (await server.Anyone.PostAsync("register", body.DeepClone())).Is(401, "M_FORBIDDEN");
        await server.RestartAsync(("registration.enabled", "false"));
        (await server.Anyone.PostAsync("register", body)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Where_registration_asks_for_no_token_no_token_is_valid()
    {
        await using var server = await TestServer.StartAsync();
        var first = new JsonObject
        {
            ["password"] = "long enough",
            ["auth"] = new JsonObject { ["type"] = "m.login.registration_token", ["token"] = server.FirstUserToken },
        };
        (await server.Anyone.PostAsync("register", first)).Is(200);

        var reply = await server.Anyone.GetAsync(
            $"/_matrix/client/v1/register/m.login.registration_token/validity?token={server.FirstUserToken}");
        Assert.That((bool?)reply.Is(200).Json["valid"], Is.False);
    }

    [Test]
    public async Task The_shared_secret_creates_accounts()
    {
        (await BySecretAsync("by-secret", "long enough", admin: true, TestServer.SharedSecret)).Is(200);
        (await BySecretAsync("by-secret", "long enough", admin: false, TestServer.SharedSecret))
            .Is(400, "M_USER_IN_USE");
        (await BySecretAsync("by-guess", "long enough", admin: false, "a guess")).Is(403, "M_FORBIDDEN");

        var login = await _server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = "by-secret" },
            ["password"] = "long enough",
        });
        login.Is(200);
    }

    [Test]
    public async Task An_administrators_tool_may_leave_open_what_kind_of_user_it_makes_and_choose_any_password()
    {
        var nonce = (await _server.Anyone.GetAsync("/_synapse/admin/v1/register")).Is(200).Member("nonce");
        var body = SecretBody(nonce, "by-tool", "pw", admin: false, TestServer.SharedSecret);
        body["user_type"] = null;
        body["displayname"] = null;
        (await _server.Anyone.PostAsync("/_synapse/admin/v1/register", body)).Is(200);

        (await BySecretAsync("by-tool-empty", "", admin: false, TestServer.SharedSecret))
            .Is(400, "M_WEAK_PASSWORD");
        (await BySecretAsync("by-tool-long", new string('x', 513), admin: false, TestServer.SharedSecret))
            .Is(400, "M_WEAK_PASSWORD");
    }

    [Test]
    public async Task A_nonce_is_good_once_and_for_a_minute()
    {
        var nonce = (await _server.Anyone.GetAsync("/_synapse/admin/v1/register")).Is(200).Member("nonce");
        (await PostSecretAsync(nonce, "nonce-one", "long enough", false, TestServer.SharedSecret)).Is(200);
        (await PostSecretAsync(nonce, "nonce-two", "long enough", false, TestServer.SharedSecret))
            .Is(400, "M_UNKNOWN");
        (await PostSecretAsync("made up", "nonce-three", "long enough", false, TestServer.SharedSecret))
            .Is(400, "M_UNKNOWN");
    }

    [Test]
    public async Task Without_a_secret_there_is_no_such_endpoint()
    {
        await using var server = await TestServer.StartAsync(("registration.shared_secret", ""));

        (await server.Anyone.GetAsync("/_synapse/admin/v1/register")).Is(404, "M_UNRECOGNIZED");
    }

    private Task<Reply> RegisterAsync(string? name, JsonObject auth)
    {
        var body = new JsonObject { ["password"] = "long enough", ["auth"] = auth };
        if (name is not null) body["username"] = name;
        return _server.Anyone.PostAsync("register", body);
    }

    private async Task<Reply> BySecretAsync(
        string name, string password, bool admin, string secret, TestServer? server = null)
    {
        var client = (server ?? _server).Anyone;
        var nonce = (await client.GetAsync("/_synapse/admin/v1/register")).Is(200).Member("nonce");
        return await client.PostAsync("/_synapse/admin/v1/register", SecretBody(nonce, name, password, admin, secret));
    }

    private Task<Reply> PostSecretAsync(string nonce, string name, string password, bool admin, string secret) =>
        _server.Anyone.PostAsync("/_synapse/admin/v1/register", SecretBody(nonce, name, password, admin, secret));

    private static JsonObject SecretBody(string nonce, string name, string password, bool admin, string secret)
    {
#pragma warning disable CA5350 // The protocol says SHA-1.
        var mac = HMACSHA1.HashData(
            Encoding.UTF8.GetBytes(secret),
            Encoding.UTF8.GetBytes($"{nonce}\0{name}\0{password}\0{(admin ? "admin" : "notadmin")}"));
#pragma warning restore CA5350
        return new JsonObject
        {
            ["nonce"] = nonce,
            ["username"] = name,
            ["password"] = password,
            ["admin"] = admin,
            ["mac"] = Convert.ToHexStringLower(mac),
        };
    }
}
