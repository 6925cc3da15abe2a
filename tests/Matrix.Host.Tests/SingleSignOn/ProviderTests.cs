using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Matrix.Host.Tests.OAuth;

namespace Matrix.Host.Tests.SingleSignOn;

/// <summary>What a provider, or somebody in its place, may not do; and logouts by the provider.</summary>
internal sealed class ProviderTests
{
    private TestProvider _provider = null!;
    private TestServer _server = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _provider = await TestProvider.StartAsync();
        _server = await SsoActions.StartAsync(_provider.Config());
    }

    [TearDown]
    public async Task StopAsync()
    {
        await _server.DisposeAsync();
        await _provider.DisposeAsync();
    }

    private async Task<TestBrowser> ComesBackAsync(Func<string, string>? change = null)
    {
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        var back = _provider.SignsIn(browser.Location!, "s1", "alice");
        await browser.OpensAsync(change is null ? back : change(back));
        return browser;
    }

    private static readonly (string Name, Action<JsonObject> Change)[] _lies =
    [
        ("nonce", static c => c["nonce"] = "other"), ("no nonce", static c => c.Remove("nonce")),
        ("audience", static c => c["aud"] = "another client"),
        ("party", static c => c["azp"] = "another client"),
        ("several audiences", static c => c["aud"] = new JsonArray("matrix", "other")),
        ("issuer", static c => c["iss"] = "https://evil.org"),
        ("expired", static c => c["exp"] = TestProvider.Now - 120), ("no end", static c => c.Remove("exp")),
        ("future", static c => c["iat"] = TestProvider.Now + 600),
        ("not yet", static c => c["nbf"] = TestProvider.Now + 600),
        ("no subject", static c => c.Remove("sub")),
        ("long subject", static c => c["sub"] = new string('x', 256)),
    ];

    [Test]
    public async Task A_token_that_says_something_else_signs_nobody_in()
    {
        foreach (var (name, change) in _lies)
        {
            _provider.Changes = change;
            Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(502), name);
        }

        _provider.Changes = static claims => claims["exp"] = TestProvider.Now - 30;
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(303), "A clock may be a little wrong.");
        Assert.That(_server.Log, Does.Contain("Sign-in at the provider").And.Not.Contain("s&cret"));
    }

    [Test]
    public async Task A_token_that_a_key_on_an_elliptic_curve_signed_signs_in()
    {
        _provider.Algorithm = "ES256";
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(303));
    }

    [Test]
    public async Task A_provider_gets_the_secret_in_the_body_if_it_takes_it_nowhere_else()
    {
        _provider.TakesSecretInBody = true;
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(303));
    }

    [Test]
    public async Task The_secret_may_be_in_a_file()
    {
        var file = Path.Combine(_server.Folder, "secret");
        await File.WriteAllTextAsync(file, "s&cret\n");
        var config = _provider.Config().Replace(
            "\"client_secret\":\"s&cret\"", $"\"client_secret_file\":\"{file}\"", StringComparison.Ordinal);
        Assert.That(config, Does.Contain("client_secret_file"));
        await _server.RestartAsync(("sso.providers", $"[{config}]"));
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(303));
        await File.WriteAllTextAsync(file, "another");
        await _server.RestartAsync();
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(502));
    }

    [TestCase("none")]
    [TestCase("HS256")]
    public async Task A_token_that_is_signed_by_nobody_or_by_the_public_key_is_refused(string algorithm)
    {
        _provider.Algorithm = algorithm;
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(502));
    }

    [Test]
    public async Task A_token_that_another_key_signed_is_refused_and_a_new_key_is_read()
    {
        using var forged = RSA.Create(2048);
        _provider.ForgedKey = forged;
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(502));
        _provider.ForgedKey = null;
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(303));
        _provider.Rotates();
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(303));
        Assert.That(_provider.KeyReads, Is.EqualTo(2));
    }

    [Test]
    public async Task Unknown_keys_are_looked_for_at_a_limited_rate()
    {
        await _server.RestartAsync(("sso.read_pause", "1h"));
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(303));
        _provider.Rotates();
        for (var i = 0; i < 3; i++) Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(502));
        Assert.That(_provider.KeyReads, Is.EqualTo(1));
    }

    [Test]
    public async Task A_sign_in_ends_once_in_the_browser_that_began_it_and_in_its_time()
    {
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        var back = _provider.SignsIn(browser.Location!, "s1", "alice");
        Assert.That((await new TestBrowser(_server).OpensAsync(back)).Status, Is.EqualTo(400), "Without a session.");
        var other = new TestBrowser(_server);
        await other.OpensAsync(SsoActions.RedirectPath());
        Assert.That((await other.OpensAsync(back)).Status, Is.EqualTo(400), "With another session.");
        Assert.That((await browser.OpensAsync(back)).Status, Is.EqualTo(303));
        Assert.That((await browser.OpensAsync(back)).Status, Is.EqualTo(400), "Again.");

        await browser.OpensAsync(SsoActions.RedirectPath());
        back = _provider.SignsIn(browser.Location!, "s1", "alice");
        _server.Ahead = TimeSpan.FromMinutes(11);
        Assert.That((await browser.OpensAsync(back)).Status, Is.EqualTo(400), "Late.");
    }

    [Test]
    public async Task A_code_that_is_not_the_providers_and_a_refusal_are_pages()
    {
        Assert.That((await ComesBackAsync(back => back.Replace("code=", "code=x", StringComparison.Ordinal)))
            .Page.Status, Is.EqualTo(502));
        Assert.That((await ComesBackAsync(back => back.Replace("code=", "error=", StringComparison.Ordinal)))
            .Page.Status, Is.EqualTo(403));
        Assert.That((await ComesBackAsync(back => back + "&iss=https%3A%2F%2Fevil.org")).Page.Status, Is.EqualTo(502));
        _provider.Fails = System.Net.HttpStatusCode.InternalServerError;
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(502));
    }

    [Test]
    public async Task A_provider_cannot_pass_the_response_of_another_one_off_as_its_own()
    {
        await using var evil = await TestProvider.StartAsync();
        await _server.RestartAsync(("sso.providers", $"[{_provider.Config()},{evil.Config("evil")}]"));
        var attacker = new TestBrowser(_server);
        await attacker.OpensAsync(SsoActions.RedirectPath());
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath(provider: "evil"));
        var asked = browser.Location!;

        // It leads the person on to the honest provider, with the attacker's request and the state of theirs.
        var led = attacker.Location!.Replace(
            SsoActions.StateOf(attacker.Location!), SsoActions.StateOf(asked), StringComparison.Ordinal);
        await browser.OpensAsync(_provider.SignsIn(led, "s1", "alice"));
        Assert.That(browser.Page.Status, Is.EqualTo(502));
        Assert.That(evil.Codes, Is.Empty, "The code is the honest provider's.");
        Assert.That(
            (await browser.OpensAsync(evil.SignsIn(asked, "s1", "alice"))).Status, Is.EqualTo(400), "It has ended.");
        Assert.That((await ComesBackAsync()).Page.Status, Is.EqualTo(303));
    }

    [Test]
    public async Task Of_several_providers_each_has_its_own_callback_and_a_single_one_has_the_shared_one()
    {
        const string shared = OAuthActions.Root + "sso/callback";
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        Assert.That(_provider.SignsIn(browser.Location!, "s1", "alice"), Does.StartWith(shared + "?"));
        await _server.RestartAsync(("sso.providers", $"[{_provider.Config()},{_provider.Config("two")}]"));
        foreach (var id in new[] { "corp", "two" })
        {
            await browser.OpensAsync(SsoActions.RedirectPath(provider: id));
            var back = _provider.SignsIn(browser.Location!, "s1", "alice");
            Assert.That(back, Does.StartWith($"{shared}/{id}?"));
            Assert.That((await browser.OpensAsync(back)).Status, Is.EqualTo(303));
            await browser.OpensAsync(SsoActions.RedirectPath(provider: id));
            back = _provider.SignsIn(browser.Location!, "s1", "alice");
            await browser.OpensAsync(back.Replace($"{shared}/{id}", shared, StringComparison.Ordinal));
            Assert.That(browser.Page.Status, Is.EqualTo(404), "The shared one is no way around it.");
        }
    }

    [Test]
    public async Task A_provider_in_a_private_network_is_not_asked_unless_the_configuration_allows_it()
    {
        await _server.RestartAsync(("sso.allow_networks", "[]"));
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        Assert.That(browser.Page.Status, Is.EqualTo(502));
    }

    [Test]
    public async Task A_provider_that_logs_a_session_out_ends_its_devices_and_no_others()
    {
        var first = new TestClient(_server, (await _server.ComesFromAsync(_provider, "s1", "alice", "one"))
            .Member("access_token"));
        var second = new TestClient(_server, (await _server.ComesFromAsync(_provider, "s1", "alice", "two"))
            .Member("access_token"));
        var token = _provider.LogoutToken(static claims => (claims["sid"], claims["sub"]) = ("one", "s1"));
        (await _server.LogsOutAsync(token)).Is(200);
        (await first.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await second.GetAsync("account/whoami")).Is(200);
        Assert.That((await _server.LogsOutAsync(token)).Status, Is.EqualTo(400), "Each token counts once.");

        (await _server.LogsOutAsync(_provider.LogoutToken(static claims => claims["sub"] = "s1"))).Is(200);
        (await second.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task A_logout_that_is_not_the_providers_ends_nothing()
    {
        var client = new TestClient(_server, (await _server.ComesFromAsync(_provider, "s1", "alice", "one"))
            .Member("access_token"));
        foreach (var change in new Action<JsonObject>[]
        {
            static c => c.Remove("sid"), static c => c["nonce"] = "n", static c => c.Remove("events"),
            static c => c["aud"] = "other", static c => c["exp"] = TestProvider.Now - 120, static c => c.Remove("jti"),
            static c => c["iat"] = TestProvider.Now - 3600,
        })
        {
            var token = _provider.LogoutToken(claims =>
            {
                claims["sid"] = "one";
                change(claims);
            });
            Assert.That((await _server.LogsOutAsync(token)).Status, Is.EqualTo(400));
        }

        Assert.That((await _server.LogsOutAsync("nonsense")).Status, Is.EqualTo(400));
        (await client.GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task A_logout_ends_what_pages_and_OAuth_made_of_the_session()
    {
        var browser = new TestBrowser(_server);
        await browser.OpensAsync($"{OAuthActions.Root}sso/start/corp?continue=%2F_matrix%2Foauth2%2Faccount");
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice", "one"));
        var asked = new Authorization(await _server.RegistersClientAsync(), "DEVICE0001");
        var code = (await browser.AllowsAsync(asked))["code"]!;
        var tokens = (await _server.ExchangesAsync(asked, code)).Is(200);
        (await _server.LogsOutAsync(_provider.LogoutToken(static claims => claims["sid"] = "one"))).Is(200);
        (await new TestClient(_server, tokens.Member("access_token")).GetAsync("account/whoami"))
            .Is(401, "M_UNKNOWN_TOKEN");
        await browser.OpensAsync(OAuthActions.Root + "account");
        Assert.That(browser.Location, Does.StartWith(OAuthActions.Root + "sign-in"));
    }
}
