using System.Text.Json.Nodes;
using Matrix.Host.Tests.OAuth;

namespace Matrix.Host.Tests.Accounts;

public sealed class FallbackTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await TestServer.StartAsync();

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_registration_token_given_in_a_browser_lets_the_client_go_on_with_the_session_alone()
    {
        // A server of its own: the first user's token is valid only while no user exists.
        await using var server = await TestServer.StartAsync();
        var body = new JsonObject { ["username"] = "by-browser", ["password"] = "long enough" };
        var session = (await server.Anyone.PostAsync("register", body.DeepClone())).Is(401).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.registration_token/fallback/web?session={session}";

        var browser = new TestBrowser(server);
        var shown = await browser.OpensAsync(page);
        Assert.That(shown.Status, Is.EqualTo(200));
        Assert.That(shown.ContentHeaders.ContentType!.ToString(), Is.EqualTo("text/html; charset=utf-8"));
        Assert.That(shown.Text, Does.Not.Contain("<script"));

        Assert.That((await browser.SubmitsAsync(page, ("token", "wrong"))).Status, Is.EqualTo(403));
        Assert.That((await browser.SubmitsAsync(page)).Status, Is.EqualTo(400));
        var foreign = await browser.PostsAsync(page, ("token", server.FirstUserToken!));
        Assert.That(foreign.Text, Does.Contain("out of date"));
        await browser.OpensAsync(page);
        var done = await browser.SubmitsAsync(page, ("token", server.FirstUserToken!));
        Assert.That(
            done.Text,
            Does.Contain("window.onAuthDone();").And.Contain("""window.opener.postMessage("authDone", "*");"""));
        Assert.That(done.Headers.GetValues("Content-Security-Policy").Single(), Does.Contain("script-src 'sha256-"));
        Assert.That((await browser.OpensAsync(page)).Text, Does.Contain("window.onAuthDone();"), "It stays done.");

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
        var page = $"/_matrix/client/v3/auth/m.login.password/fallback/web?session={session}";
        var browser = new TestBrowser(_server);
        Assert.That((await browser.OpensAsync(page)).Text, Does.Contain($"value=\"{user.UserId}\""));
        Assert.That(browser.Page.Text, Does.Contain("sign a device out"), "It says what the password confirms.");

        await browser.SubmitsAsync(page, ("user", other.UserId), ("password", other.Password));
        Assert.That(browser.Page.Status, Is.EqualTo(403));
        (await user.DeleteAsync(path, new JsonObject { ["auth"] = new JsonObject { ["session"] = session } })).Is(401);
        await browser.SubmitsAsync(page, ("user", user.UserId), ("password", user.Password));
        Assert.That(browser.Page.Status, Is.EqualTo(200), browser.Page.Text);
        (await user.DeleteAsync(path, new JsonObject { ["auth"] = new JsonObject { ["session"] = session } })).Is(200);
    }

    [TestCase("account/password")]
    [TestCase("account/deactivate")]
    public async Task A_password_given_in_a_browser_does_nothing_for_a_request_of_nobody(string operation)
    {
        var user = await _server.RegistersAsync("target-" + operation.Split('/')[1]);
        var body = new JsonObject { ["new_password"] = "the stranger's choice" };
        var session = (await _server.Anyone.PostAsync(operation, body.DeepClone())).Is(401).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.password/fallback/web?session={session}";
        var browser = new TestBrowser(_server);
        Assert.That((await browser.OpensAsync(page)).Status, Is.EqualTo(404));

        // A form of another page has the browser's token, too.
        await browser.OpensAsync("/_matrix/static/client/login/");
        await browser.SubmitsAsync(page, ("user", user.UserId), ("password", user.Password));
        Assert.That(browser.Page.Status, Is.EqualTo(404));
        body["auth"] = new JsonObject { ["session"] = session };
        (await _server.Anyone.PostAsync(operation, body)).Is(401);
        (await user.GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task A_stage_that_is_not_there_or_does_not_come_next_and_a_session_that_is_not_known_are_refused()
    {
        var user = await _server.RegistersAsync("elsewhere");
        var session = (await user.DeleteAsync("devices/X", new JsonObject())).Is(401).Member("session");
        foreach (var (rest, status) in new[]
        {
            ($"m.login.recaptcha/fallback/web?session={session}", 404), ("m.login.dummy/fallback/web", 404),
            ("m.login.dummy/fallback/web?session=made-up", 404), ($"m.login.dummy/fallback/web?session={session}", 403),
            ($"m.oauth/fallback/web?session={session}", 404),
        })
        {
            var browser = new TestBrowser(_server);
            Assert.That((await browser.OpensAsync("/_matrix/client/v3/auth/" + rest)).Status, Is.EqualTo(status), rest);
            Assert.That(
                (await browser.SubmitsAsync("/_matrix/client/v3/auth/" + rest)).Status, Is.EqualTo(status), rest);
        }

        (await user.DeleteAsync("devices/X", new JsonObject { ["auth"] = new JsonObject { ["session"] = session } }))
            .Is(401);
    }

    [Test]
    public async Task A_page_logs_in_for_clients_that_know_no_way_to()
    {
        var user = await _server.RegistersAsync("fallback");
        foreach (var rest in (string[])["/", "?device_id=GHTYAJCE"])
        {
            var path = "/_matrix/static/client/login" + rest;
            var browser = new TestBrowser(_server);
            Assert.That((await browser.OpensAsync(path)).Text, Does.Not.Contain("<script"));
            await browser.SubmitsAsync(path, ("user", "fallback"), ("password", "wrong"));
            Assert.That(browser.Page.Status, Is.EqualTo(403));
            var done = await browser.SubmitsAsync(path, ("user", "fallback"), ("password", user.Password));
            Assert.That(done.Text, Does.Contain("window.matrixLogin.onLogin(response)"));
            var response = JsonNode.Parse(System.Net.WebUtility.HtmlDecode(
                done.Text.Split("data-response=\"")[1].Split('"')[0]))!;
            Assert.That((string?)response["user_id"], Is.EqualTo(user.UserId));
            if (rest.Length > 1) Assert.That((string?)response["device_id"], Is.EqualTo("GHTYAJCE"));
        }
    }
}
