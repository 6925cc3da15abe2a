using System.Text.Json.Nodes;
using Matrix.Host.Tests.OAuth;

namespace Matrix.Host.Tests.SingleSignOn;

/// <summary>Requests that a user confirms by signing in again at a provider.</summary>
internal sealed class ConfirmTests
{
    private TestProvider _provider = null!;
    private TestServer _server = null!;
    private TestClient _alice = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _provider = await TestProvider.StartAsync();
        _server = await SsoActions.StartAsync(_provider.Config());
        _alice = await LogsInAsync();
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _server.DisposeAsync();
        await _provider.DisposeAsync();
    }

    private async Task<TestClient> LogsInAsync() =>
        new(_server, (await _server.ComesFromAsync(_provider, "s1", "alice")).Member("access_token"));

    private static JsonObject With(string session) => new() { ["auth"] = new JsonObject { ["session"] = session } };

    [Test]
    public async Task A_user_without_a_password_confirms_a_request_by_signing_in_again()
    {
        var other = await LogsInAsync();
        var path = "devices/" + (await other.GetAsync("account/whoami")).Member("device_id");
        var asked = (await _alice.DeleteAsync(path, new JsonObject())).Is(401);
        Assert.That(
            asked.Json["flows"]!.ToJsonString(), Is.EqualTo("""[{"stages":["m.login.sso"]}]"""), asked.Text);
        var session = asked.Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.sso/fallback/web?session={session}";
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(page);
        Assert.That(browser.Page.Text, Does.Contain("sign a device out").And.Contain("@alice:test.example"));
        (await _alice.DeleteAsync(path, With(session))).Is(401);
        Assert.That((await browser.PostsAsync(page, ("provider", "corp"))).Status, Is.EqualTo(403), "No form token.");

        // Another person does not confirm it.
        await browser.OpensAsync(page);
        await browser.SubmitsAsync(page, ("provider", "corp"));
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s2", "mallory"));
        Assert.That(browser.Page.Status, Is.EqualTo(403));
        (await _alice.DeleteAsync(path, With(session))).Is(401);

        await browser.OpensAsync(page);
        await browser.SubmitsAsync(page, ("provider", "corp"));
        Assert.That(browser.Location, Does.Contain("prompt=login").And.Contain("max_age=0"));
        var done = await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice"));
        Assert.That(done.Text, Does.Contain("window.onAuthDone();"));
        (await _alice.DeleteAsync(path, With(session))).Is(200);
        (await other.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [TestCase(600)]
    [TestCase(30)]
    [TestCase(null)]
    public async Task A_sign_in_of_before_or_of_no_known_time_does_not_confirm_anything(int? secondsAgo)
    {
        var session = (await _alice.DeleteAsync("devices/X", new JsonObject())).Is(401).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.sso/fallback/web?session={session}";
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(page);
        await browser.SubmitsAsync(page, ("provider", "corp"));
        _provider.Changes = claims =>
        {
            claims.Remove("auth_time");
            if (secondsAgo is { } ago) claims["auth_time"] = TestProvider.Now - ago;
        };
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice"));
        Assert.That(browser.Page.Status, Is.EqualTo(502));
        var claimed = new JsonObject { ["type"] = "m.login.sso", ["session"] = session };
        (await _alice.DeleteAsync("devices/X", new JsonObject { ["auth"] = claimed })).Is(401, "M_FORBIDDEN");
    }

    [Test]
    public async Task The_clock_of_a_provider_may_be_as_wrong_for_a_confirmation_as_the_configuration_says()
    {
        await _server.RestartAsync(("sso.auth_time_tolerance", "1m"));
        var session = (await _alice.DeleteAsync("devices/X", new JsonObject())).Is(401).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.sso/fallback/web?session={session}";
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(page);
        await browser.SubmitsAsync(page, ("provider", "corp"));
        _provider.Changes = static claims => claims["auth_time"] = TestProvider.Now - 30;
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice"));
        Assert.That(browser.Page.Status, Is.EqualTo(200), browser.Page.Text);
        (await _alice.DeleteAsync("devices/X", With(session))).Is(200);
    }

    [Test]
    public async Task A_user_with_both_chooses_and_one_with_a_password_alone_is_not_asked_for_more()
    {
        var session = (await _alice.PostAsync(
            "account/password", new JsonObject { ["new_password"] = "a passphrase", ["logout_devices"] = false }))
            .Is(401).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.sso/fallback/web?session={session}";
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(page);
        await browser.SubmitsAsync(page, ("provider", "corp"));
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice"));
        (await _alice.PostAsync("account/password", new JsonObject
        {
            ["new_password"] = "a passphrase",
            ["logout_devices"] = false,
            ["auth"] = new JsonObject { ["session"] = session },
        })).Is(200);
        var flows = (await _alice.DeleteAsync("devices/X", new JsonObject())).Is(401).Json["flows"]!.ToJsonString();
        Assert.That(flows, Does.Contain("m.login.password").And.Contain("m.login.sso"));

        var bob = await _server.RegistersAsync("bob");
        flows = (await bob.DeleteAsync("devices/X", new JsonObject())).Is(401).Json["flows"]!.ToJsonString();
        Assert.That(flows, Is.EqualTo("""[{"stages":["m.login.password"]}]"""));
    }
}
