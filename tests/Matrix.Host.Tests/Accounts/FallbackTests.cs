using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Accounts;

public sealed class FallbackTests
{
    private HomeserverFixture _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await HomeserverFixture.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_registration_token_given_in_a_browser_lets_the_client_go_on_with_the_session_alone()
    {
        // A server of its own: the first user's token is valid only while no user exists.
        await using var server = await HomeserverFixture.StartAsync();
        var body = new JsonObject { ["username"] = "by-browser", ["password"] = "long enough" };
        var session = (await server.Anyone.PostAsync("register", body.DeepClone())).Is(401).Member("session");
        var page = $"auth/m.login.registration_token/fallback/web?session={session}";

        var shown = await server.Anyone.GetAsync(page);
        Assert.That(shown.Status, Is.EqualTo(200));
        Assert.That(shown.ContentHeaders.ContentType!.ToString(), Is.EqualTo("text/html; charset=utf-8"));
        Assert.That(
            shown.Text,
            Does.Contain("window.onAuthDone();").And.Contain("""window.opener.postMessage("authDone", "*");"""));
        Assert.That(shown.Headers.GetValues("Content-Security-Policy").Single(), Does.Contain("script-src 'sha256-"));

        (await server.Anyone.PostAsync(page, new JsonObject { ["session"] = session, ["token"] = "wrong" }))
            .Is(403, "M_FORBIDDEN");
        (await server.Anyone.PostAsync(
            page,
            new JsonObject { ["session"] = session, ["token"] = server.FirstUserToken })).Is(200);
        (await server.Anyone.PostAsync(page, new JsonObject { ["session"] = session, ["token"] = "again" })).Is(200);

        body["auth"] = new JsonObject { ["session"] = session };
        (await server.Anyone.PostAsync("register", body)).Is(200);
    }

    [Test]
    public async Task A_password_given_in_a_browser_confirms_a_request_if_it_is_its_users()
    {
        var user = await _server.RegistersAsync("browser");
        var other = await _server.RegistersAsync("bystander");
        var second = await user.LogsInAsync();
        var path = $"devices/{second.DeviceId}";
        var session = (await user.DeleteAsync(path, new JsonObject())).Is(401).Member("session");
        var page = $"auth/m.login.password/fallback/web?session={session}";
        (await _server.Anyone.GetAsync(page)).Is(200);

        (await _server.Anyone.PostAsync(page, other.PasswordAuth(session))).Is(403, "M_FORBIDDEN");
        (await user.DeleteAsync(path, new JsonObject { ["auth"] = new JsonObject { ["session"] = session } })).Is(401);
        (await _server.Anyone.PostAsync(page, user.PasswordAuth(session))).Is(200);
        (await user.DeleteAsync(path, new JsonObject { ["auth"] = new JsonObject { ["session"] = session } })).Is(200);
    }

    [Test]
    public async Task A_stage_that_is_not_there_or_does_not_come_next_and_a_session_that_is_not_known_are_refused()
    {
        var user = await _server.RegistersAsync("elsewhere");
        var session = (await user.DeleteAsync("devices/X", new JsonObject())).Is(401).Member("session");

        (await _server.Anyone.GetAsync($"auth/m.login.recaptcha/fallback/web?session={session}"))
            .Is(404, "M_UNRECOGNIZED");
        (await _server.Anyone.PostAsync("auth/m.login.recaptcha/fallback/web")).Is(404, "M_UNRECOGNIZED");
        (await _server.Anyone.GetAsync("auth/m.login.dummy/fallback/web")).Is(400, "M_MISSING_PARAM");
        (await _server.Anyone.GetAsync("auth/m.login.dummy/fallback/web?session=made-up")).Is(404, "M_NOT_FOUND");
        (await _server.Anyone.PostAsync("auth/m.login.dummy/fallback/web")).Is(400, "M_BAD_JSON");
        (await _server.Anyone.PostAsync("auth/m.login.dummy/fallback/web", new JsonObject { ["session"] = "made-up" }))
            .Is(404, "M_NOT_FOUND");
        (await _server.Anyone.PostAsync("auth/m.login.dummy/fallback/web", new JsonObject { ["session"] = session }))
            .Is(403, "M_FORBIDDEN");
        (await user.DeleteAsync("devices/X", new JsonObject { ["auth"] = new JsonObject { ["session"] = session } }))
            .Is(401);
    }

    [Test]
    public async Task A_page_logs_in_for_clients_that_know_no_way_to()
    {
        foreach (var rest in (string[])["/", "?device_id=GHTYAJCE"])
        {
            var page = await _server.Anyone.GetAsync("/_matrix/static/client/login" + rest);
            Assert.That(page.Status, Is.EqualTo(200));
            Assert.That(page.Text, Does.Contain("window.matrixLogin.onLogin(response)"));
        }
    }
}
