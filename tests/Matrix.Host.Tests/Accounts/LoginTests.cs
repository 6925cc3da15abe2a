using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Sessions;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Accounts;

public sealed class LoginTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() =>
        _server = await TestServer.StartAsync(("public_base_url", "https://matrix.test.example"));

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Users_are_named_in_every_way_that_the_specification_has()
    {
        var alice = await _server.RegistersAsync("alice");

        foreach (var who in new JsonObject[]
        {
            new() { ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = "alice" } },
            new() { ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = "@alice:test.example" } },
            new() { ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = "Alice" } },
            new() { ["user"] = "alice" },
        })
        {
            who["type"] = "m.login.password";
            who["password"] = alice.Password;
            var reply = (await _server.Anyone.PostAsync("login", who)).Is(200);
            Assert.That(reply.Member("user_id"), Is.EqualTo("@alice:test.example"));
            Assert.That(
                (string?)reply.Json["well_known"]!["m.homeserver"]!["base_url"],
                Is.EqualTo("https://matrix.test.example"));
        }
    }

    [Test]
    public async Task An_unknown_user_and_a_wrong_password_get_the_same_error()
    {
        await _server.RegistersAsync("bob");

        foreach (var who in new JsonObject[]
        {
            new() { ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = "bob" } },
            new() { ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = "nobody" } },
            new() { ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = "@bob:elsewhere.example" } },
            new() { ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = "@:" } },
            new()
            {
                ["identifier"] =
                    new JsonObject { ["type"] = "m.id.thirdparty", ["medium"] = "email", ["address"] = "b@b.example" },
            },
            new() { ["identifier"] = new JsonObject { ["type"] = "m.id.phone", ["country"] = "GB", ["phone"] = "1" } },
            new() { ["identifier"] = new JsonObject { ["medium"] = "email", ["address"] = "b@b.example" } },
            new() { ["medium"] = "email", ["address"] = "b@b.example" },
        })
        {
            who["type"] = "m.login.password";
            who["password"] = "wrong";
            Assert.That(
                (await _server.Anyone.PostAsync("login", who)).Is(403, "M_FORBIDDEN").Member("error"),
                Is.EqualTo("The user or the password is wrong."));
        }
    }

    [TestCase("""{"type":"m.login.magic"}""", "M_UNKNOWN")]
    [TestCase("""{}""", "M_BAD_JSON")]
    [TestCase("""{"type":"m.login.password"}""", "M_BAD_JSON")]
    [TestCase("""{"type":"m.login.password","user":"a"}""", "M_BAD_JSON")]
    [TestCase("""{"type":"m.login.password","user":"a","password":5}""", "M_BAD_JSON")]
    [TestCase("""{"type":"m.login.password","identifier":"a","password":"x"}""", "M_BAD_JSON")]
    [TestCase("""{"type":"m.login.password","identifier":{"type":"m.id.soul"},"password":"x"}""", "M_UNRECOGNIZED")]
    [TestCase("""{"type":"m.login.password","identifier":{"medium":"email"},"password":"x"}""", "M_BAD_JSON")]
    [TestCase("""{"type":"m.login.password","user":"a","password":"x","device_id":""}""", "M_INVALID_PARAM")]
    [TestCase("""{"type":"m.login.token"}""", "M_BAD_JSON")]
    public async Task A_wrong_request_is_400(string body, string errcode) =>
        (await _server.Anyone.SendAsync(HttpMethod.Post, "login", TestClient.Raw(body))).Is(400, errcode);

    [Test]
    public async Task Logging_in_again_with_a_device_ends_its_tokens_and_keeps_its_name()
    {
        var first = await _server.RegistersAsync("carol");
        await first.PutAsync($"devices/{first.DeviceId}", new JsonObject { ["display_name"] = "Old phone" });
        (await first.GetAsync("account/whoami")).Is(200);

        var second = await first.LogsInAsync(first.DeviceId);

        (await first.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        Assert.That((await second.GetAsync("devices")).Is(200).Json["devices"]!.AsArray(), Has.Count.EqualTo(1));
        Assert.That(
            (await second.GetAsync($"devices/{first.DeviceId}")).Member("display_name"),
            Is.EqualTo("Old phone"));
    }

    [Test]
    public async Task A_device_that_is_left_open_by_a_null_is_a_new_one()
    {
        var alice = await _server.RegistersAsync("null-writer");
        var reply = (await _server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["identifier"] = new JsonObject { ["type"] = "m.id.user", ["user"] = alice.UserId },
            ["password"] = alice.Password,
            ["device_id"] = null,
            ["initial_device_display_name"] = null,
        })).Is(200);

        Assert.That(reply.Member("device_id"), Is.Not.Empty.And.Not.EqualTo(alice.DeviceId));
        (await alice.PutAsync($"devices/{alice.DeviceId}", new JsonObject { ["display_name"] = "Named" })).Is(200);
        (await alice.PutAsync($"devices/{alice.DeviceId}", new JsonObject { ["display_name"] = null })).Is(200);
        Assert.That(
            (await alice.GetAsync($"devices/{alice.DeviceId}")).Is(200).Member("display_name"),
            Is.EqualTo("Named"));
    }

    [Test]
    public async Task A_logged_out_token_is_refused_at_once_and_its_device_is_gone()
    {
        var one = await _server.RegistersAsync("dave");
        var other = await one.LogsInAsync();
        (await one.GetAsync("account/whoami")).Is(200);

        (await one.SendAsync(HttpMethod.Post, "logout", null)).Is(200);

        Assert.That(
            (bool?)(await one.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN").Json["soft_logout"],
            Is.False);
        (await other.GetAsync($"devices/{one.DeviceId}")).Is(404, "M_NOT_FOUND");
        (await other.PostAsync("logout/all")).Is(200);
        (await other.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task A_refreshed_pair_ends_the_old_one_once_it_is_used()
    {
        var user = await _server.RegistersAsync("erin");
        var login = await _server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["user"] = "erin",
            ["password"] = user.Password,
            ["refresh_token"] = true,
        });
        Assert.That((long?)login.Is(200).Json["expires_in_ms"], Is.EqualTo(3_600_000));
        var old = new TestClient(_server, login.Member("access_token"));
        (await old.GetAsync("account/whoami")).Is(200);

        var lost = await RefreshAsync(login.Member("refresh_token"));
        var kept = await RefreshAsync(lost.Is(200).Json["refresh_token"] is null ? "" : login.Member("refresh_token"));
        (await old.GetAsync("account/whoami")).Is(200);
        (await new TestClient(_server, lost.Member("access_token")).GetAsync("account/whoami"))
            .Is(401, "M_UNKNOWN_TOKEN");

        (await new TestClient(_server, kept.Is(200).Member("access_token")).GetAsync("account/whoami")).Is(200);

        (await old.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await RefreshAsync(login.Member("refresh_token"))).Is(401, "M_UNKNOWN_TOKEN");
        (await RefreshAsync(kept.Member("refresh_token"))).Is(200);
    }

    [Test]
    public async Task A_login_while_a_refreshed_token_is_first_used_does_not_end_with_it()
    {
        var henry = await _server.RegistersAsync("henry");
        var login = await _server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["user"] = "henry",
            ["password"] = henry.Password,
            ["device_id"] = henry.DeviceId,
            ["refresh_token"] = true,
        });
        var fresh = (await RefreshAsync(login.Is(200).Member("refresh_token"))).Is(200).Member("access_token");
        TestUser? again = null;
        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        var accounts = AfterReads<TokenRow?>.Of(
            storage.Accounts, async () => again ??= await henry.LogsInAsync(henry.DeviceId));
        var tokens = new AccessTokens(
            accounts,
            storage.Writer,
            _server.Services.GetRequiredService<UsersOptions>(),
            new AppServiceDirectory([]),
            TimeProvider.System);

        var found = await tokens.FindAsync(
            new BearerToken(fresh), "127.0.0.1", userAgent: null, CancellationToken.None);

        Assert.That(found.Caller, Is.Null, "The device logged in right after its token was found.");
        (await again!.GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task A_token_that_was_used_lately_ends_with_the_second_refresh_after_it()
    {
        var user = await _server.RegistersAsync("ingrid");
        var login = (await _server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["user"] = "ingrid",
            ["password"] = user.Password,
            ["refresh_token"] = true,
        })).Is(200);
        var first = new TestClient(_server, login.Member("access_token"));
        (await first.GetAsync("account/whoami")).Is(200);

        var second = (await RefreshAsync(login.Member("refresh_token"))).Is(200);
        (await first.GetAsync("account/whoami")).Is(200);
        var third = (await RefreshAsync(second.Member("refresh_token"))).Is(200);

        (await first.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await new TestClient(_server, third.Member("access_token")).GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task An_expired_token_is_a_soft_logout_and_can_be_refreshed()
    {
        await using var server = await TestServer.StartAsync(("sessions.access_token_lifetime", "5m"));
        var user = await server.RegistersAsync("frank");
        var login = await server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["user"] = "frank",
            ["password"] = user.Password,
            ["refresh_token"] = true,
        });
        var client = new TestClient(server, login.Is(200).Member("access_token"));
        (await client.GetAsync("account/whoami")).Is(200);

        server.Ahead = TimeSpan.FromMinutes(6);

        Assert.That(
            (bool?)(await client.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN").Json["soft_logout"],
            Is.True);
        (await user.GetAsync("account/whoami")).Is(200);
        var fresh = await server.Anyone.PostAsync("refresh", new JsonObject
        {
            ["refresh_token"] = login.Member("refresh_token"),
        });
        (await new TestClient(server, fresh.Is(200).Member("access_token")).GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task A_login_token_logs_in_one_device()
    {
        var grace = await _server.RegistersAsync("grace");
        const string Path = "/_matrix/client/v1/login/get_token";
        var asked = (await grace.PostAsync(Path)).Is(401);
        var got =
            (await grace.PostAsync(Path, new JsonObject { ["auth"] = grace.PasswordAuth(asked.Member("session")) }))
                .Is(200);
        var body = new JsonObject { ["type"] = "m.login.token", ["token"] = got.Member("login_token") };

        Assert.That(
            (await _server.Anyone.PostAsync("login", body.DeepClone())).Is(200).Member("user_id"),
            Is.EqualTo(grace.UserId));
        (await _server.Anyone.PostAsync("login", body)).Is(403, "M_FORBIDDEN");
        (await _server.Anyone.PostAsync("login", new JsonObject { ["type"] = "m.login.token", ["token"] = "made up" }))
            .Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_session_makes_one_login_token_for_requests_at_the_same_moment()
    {
        var irene = await _server.RegistersAsync("irene");
        const string Path = "/_matrix/client/v1/login/get_token";
        var session = (await irene.PostAsync(Path)).Is(401).Member("session");

        var replies = await Task.WhenAll(Enumerable.Range(0, 6).Select(
            _ => irene.PostAsync(Path, new JsonObject { ["auth"] = irene.PasswordAuth(session) })));

        Assert.That(
            replies.Select(reply => reply.Is(200).Member("login_token")).Distinct().Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task Tokens_and_devices_survive_a_restart()
    {
        await using var server = await TestServer.StartAsync();
        var heidi = await server.RegistersAsync("heidi");

        await server.RestartAsync();

        Assert.That((await heidi.GetAsync("account/whoami")).Is(200).Member("device_id"), Is.EqualTo(heidi.DeviceId));
    }

    private Task<Reply> RefreshAsync(string token) =>
        _server.Anyone.PostAsync("refresh", new JsonObject { ["refresh_token"] = token });
}
