using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.OAuth;

/// <summary>The pages: sign-in, registration, consent and the account, and what other sites may do with them.</summary>
internal sealed class PageTests
{
    private const string SignIn = OAuthActions.Root + "sign-in";
    private const string SignUp = OAuthActions.Root + "sign-up";
    private const string Account = OAuthActions.Root + "account";

    private TestServer _server = null!;
    private TestUser _alice = null!;
    private string _client = null!;

    private Authorization Asked => new(_client, "DEVICE0001");

    [SetUp]
    public async Task StartAsync()
    {
        _server = await OAuthActions.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _client = await _server.RegistersClientAsync();
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_user_signs_in_on_the_way_and_comes_back_to_the_request()
    {
        var browser = new TestBrowser(_server);
        var asked = Asked;
        await browser.OpensAsync(asked.Path);
        var signIn = browser.Location!;
        Assert.That(signIn, Does.StartWith(SignIn + "?continue="));
        await browser.OpensAsync(signIn);
        Assert.That(browser.Page.Text, Does.Contain("Create an account"));
        await browser.SubmitsAsync(signIn, ("username", "alice"), ("password", "wrong"));
        Assert.That(browser.Page.Status, Is.EqualTo(403));
        Assert.That(browser.Page.Text, Does.Contain("is wrong").And.Contain("value=\"alice\""));
        await browser.SubmitsAsync(signIn, ("username", "Alice"), ("password", _alice.Password));
        Assert.That(browser.Location, Is.EqualTo(asked.Path));

        await browser.OpensAsync(asked.Path);
        Assert.That(browser.Page.Text, Does.Contain("My App").And.Contain("not verified"));
        Assert.That(browser.Page.Text, Does.Contain("app.example.com").And.Contain("DEVICE0001"));
        Assert.That(browser.Page.Text, Does.Contain(_alice.UserId));
        Assert.That(browser.Page.Text, Does.Not.Contain("<img").And.Not.Contain("<script"));
        await browser.SubmitsAsync(asked.Path, ("decision", "allow"));
        (await _server.ExchangesAsync(asked, browser.Answer(OAuthActions.Callback)["code"]!)).Is(200);
    }

    [Test]
    public async Task A_browser_has_another_session_after_the_sign_in_than_before()
    {
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SignIn);
        var before = browser.Cookie;
        await browser.SubmitsAsync(SignIn, ("username", "alice"), ("password", _alice.Password));
        Assert.That(browser.Cookie, Is.Not.EqualTo(before));

        var fixated = new TestBrowser(_server) { Cookie = before };
        await fixated.OpensAsync(Account);
        Assert.That(fixated.Location, Does.StartWith(SignIn));
        await browser.OpensAsync(Account);
        Assert.That(browser.Page.Text, Does.Contain(_alice.UserId));
    }

    [TestCase("https://evil.org/")]
    [TestCase("//evil.org/_matrix/oauth2/")]
    [TestCase("/_matrix/oauth2/../../evil")]
    [TestCase("/_matrix/client/v3/logout")]
    [TestCase("/_matrix/oauth2/account\r\nSet-Cookie: a=b")]
    [TestCase("javascript:alert(1)")]
    public async Task A_link_to_the_sign_in_leads_to_pages_of_this_server_only(string next)
    {
        var browser = new TestBrowser(_server);
        var path = $"{SignIn}?continue={Uri.EscapeDataString(next)}";
        await browser.OpensAsync(path);
        await browser.SubmitsAsync(path, ("username", "alice"), ("password", _alice.Password));
        Assert.That(browser.Page.Status, Is.EqualTo(303));
        Assert.That(browser.Location, Is.EqualTo(Account));
        Assert.That(browser.Page.Headers.GetValues("Set-Cookie").Count(), Is.EqualTo(1));
    }

    [Test]
    public async Task Nobody_else_can_allow_a_client_in_the_users_browser()
    {
        var browser = await TestBrowser.SignedInAsync(_server, _alice);
        var other = await TestBrowser.SignedInAsync(_server, await _server.RegistersAsync("mallory"));
        var asked = Asked;
        await browser.OpensAsync(asked.Path);
        await other.OpensAsync(asked.Path);

        await browser.PostsAsync(asked.Path, ("decision", "allow"));
        Assert.That(browser.Page.Status, Is.EqualTo(403), "Without a token.");
        await browser.PostsAsync(asked.Path, ("decision", "allow"), ("form_token", other.FormToken));
        Assert.That(browser.Page.Status, Is.EqualTo(403), "With another browser's token.");
        foreach (var (header, value) in new[] { ("Origin", "https://evil.org"), ("Sec-Fetch-Site", "cross-site") })
        {
            var reply = await _server.Anyone.SendAsync(
                HttpMethod.Post,
                asked.Path,
                OAuthActions.Form(("decision", "allow"), ("form_token", browser.FormToken)),
                ("Cookie", browser.Cookie!),
                (header, value));
            reply.Is(403, "M_FORBIDDEN");
        }

        await browser.OpensAsync(asked.Path);
        await browser.SubmitsAsync(asked.Path, ("decision", "allow"));
        Assert.That(browser.Answer(OAuthActions.Callback)["code"], Is.Not.Null);
    }

    [Test]
    public async Task Pages_cannot_be_framed_kept_or_read_by_other_sites_and_forms_lead_to_the_client_alone()
    {
        var browser = await TestBrowser.SignedInAsync(_server, _alice);
        foreach (var path in new[] { SignIn, SignUp, Asked.Path, OAuthActions.Root + "link", Account })
        {
            var page = await browser.OpensAsync(path);
            Assert.That(page.Status, Is.EqualTo(200), path);
            Assert.That(page.Headers.Contains("Access-Control-Allow-Origin"), Is.False, path);
            Assert.That(page.Headers.GetValues("X-Frame-Options"), Is.EqualTo(new[] { "DENY" }), path);
            Assert.That(page.Headers.CacheControl!.NoStore, Is.True, path);
            var policy = page.Headers.GetValues("Content-Security-Policy").Single();
            Assert.That(policy, Does.Contain("frame-ancestors 'none'").And.Contain("default-src 'none'"), path);
            Assert.That(policy, Does.Not.Contain("script-src"), path);
            Assert.That(
                policy.Contains("https://app.example.com", StringComparison.Ordinal),
                Is.EqualTo(path.Contains("authorize", StringComparison.Ordinal)),
                path);
        }
    }

    [TestCase("com.example.app:/callback", "com.example.app:;")]
    [TestCase("http://localhost:4321/callback", "http://localhost:4321;")]
    public async Task The_consent_form_may_lead_to_an_application(string redirect, string target)
    {
        var metadata = OAuthActions.Metadata("com.example.app:/callback", "http://localhost/callback");
        metadata["application_type"] = "native";
        var client = await _server.RegistersClientAsync(metadata);
        var browser = await TestBrowser.SignedInAsync(_server, _alice);
        var asked = new Authorization(client, "DEVICE0001", redirect);
        var page = await browser.OpensAsync(asked.Path);
        Assert.That(
            page.Headers.GetValues("Content-Security-Policy").Single(), Does.Contain($"form-action 'self' {target}"));
        Assert.That((await browser.AllowsAsync(asked))["code"], Is.Not.Null);
    }

    [Test]
    public async Task What_a_client_says_about_itself_is_text()
    {
        var metadata = OAuthActions.Metadata();
        metadata["client_name"] = "<script>alert(1)</script>\u202e\"'";
        metadata["logo_uri"] = "https://example.com/logo.png";
        metadata["tos_uri"] = "https://example.com/terms";
        var client = await _server.RegistersClientAsync(metadata);
        var page = await (await TestBrowser.SignedInAsync(_server, _alice))
            .OpensAsync(new Authorization(client, "DEVICE0001").Path);
        Assert.That(page.Text, Does.Contain("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;"));
        Assert.That(page.Text, Does.Not.Contain("logo.png").And.Contain("href=\"https://example.com/terms\""));
    }

    [Test]
    public async Task A_changed_password_signs_browsers_out()
    {
        var browser = await TestBrowser.SignedInAsync(_server, _alice);
        await browser.OpensAsync(Asked.Path);
        var body = new JsonObject { ["new_password"] = "another password", ["logout_devices"] = false };
        body["auth"] = _alice.PasswordAuth();
        (await _alice.PostAsync("account/password", body)).Is(200);
        await browser.SubmitsAsync(Asked.Path, ("decision", "allow"));
        Assert.That(browser.Location, Does.StartWith(SignIn));
        await browser.OpensAsync(Account);
        Assert.That(browser.Location, Does.StartWith(SignIn));
    }

    [Test]
    public async Task Logging_out_everywhere_signs_browsers_out()
    {
        var browser = await TestBrowser.SignedInAsync(_server, _alice);
        var other = await TestBrowser.SignedInAsync(_server, await _server.RegistersAsync("bob"));
        (await _alice.PostAsync("logout/all")).Is(200);
        await browser.OpensAsync(Account);
        Assert.That(browser.Location, Does.StartWith(SignIn));
        Assert.That((await other.OpensAsync(Account)).Status, Is.EqualTo(200));
    }

    [Test]
    public async Task A_browser_stays_signed_in_for_a_time_or_until_it_signs_out()
    {
        var browser = await TestBrowser.SignedInAsync(_server, _alice);
        await browser.OpensAsync(Account);
        await browser.SubmitsAsync(OAuthActions.Root + "sign-out");
        await browser.OpensAsync(Account);
        Assert.That(browser.Location, Does.StartWith(SignIn));

        browser = await TestBrowser.SignedInAsync(_server, _alice);
        _server.Ahead = TimeSpan.FromMinutes(61);
        await browser.OpensAsync(Account);
        Assert.That(browser.Location, Does.StartWith(SignIn));
    }

    [Test]
    public async Task A_user_registers_on_the_way()
    {
        var browser = new TestBrowser(_server);
        var asked = Asked with { More = "&prompt=create" };
        await browser.OpensAsync(asked.Path);
        var signUp = browser.Location!;
        Assert.That(signUp, Does.StartWith(SignUp + "?continue="));
        await browser.OpensAsync(signUp);
        foreach (var (name, password, again) in new[]
        {
            ("alice", "long enough", "long enough"), ("b!", "long enough", "long enough"), ("bob", "short", "short"),
            ("bob", "long enough", "other enough"),
        })
        {
            await browser.SubmitsAsync(
                signUp, ("username", name), ("password", password), ("password_again", again));
            Assert.That(browser.Page.Status, Is.EqualTo(400), name);
        }

        await browser.SubmitsAsync(
            signUp, ("username", "bob"), ("password", "long enough"), ("password_again", "long enough"));
        await browser.OpensAsync(browser.Location!);
        Assert.That(browser.Page.Text, Does.Contain("@bob:test.example"));
        await browser.SubmitsAsync(asked.Path, ("decision", "allow"));
        var tokens = (await _server.ExchangesAsync(asked, browser.Answer(OAuthActions.Callback)["code"]!)).Is(200);
        Assert.That(
            (await new TestClient(_server, tokens.Member("access_token")).GetAsync("account/whoami")).Member("user_id"),
            Is.EqualTo("@bob:test.example"));
    }

    [Test]
    public async Task Registration_asks_for_a_token_where_one_is_needed_and_is_closed_where_it_is_closed()
    {
        await _server.RestartAsync(("registration.requires_token", "true"));
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SignUp);
        Assert.That(browser.Page.Text, Does.Contain("name=\"token\" required"));
        await browser.SubmitsAsync(
            SignUp, ("username", "bob"), ("password", "long enough"), ("password_again", "long enough"),
            ("token", "made up"));
        Assert.That(browser.Page.Text, Does.Contain("not valid"));
        Assert.That(browser.Page.Text, Does.Contain("value=\"made up\"").And.Not.Contain("long enough"));

        await _server.RestartAsync(("registration.enabled", "false"));
        await browser.OpensAsync(SignUp);
        Assert.That(browser.Location, Does.StartWith(SignIn));
        await browser.OpensAsync(SignIn);
        Assert.That(browser.Page.Text, Does.Not.Contain("Create an account"));
        await browser.SubmitsAsync(
            SignUp, ("username", "bob"), ("password", "long enough"), ("password_again", "long enough"));
        Assert.That(browser.Page.Text, Does.Contain("closed"));
        var metadata = await _server.Anyone.GetAsync("/_matrix/client/v1/auth_metadata");
        Assert.That(metadata.Json["prompt_values_supported"]!.ToJsonString(), Is.EqualTo("[]"));
    }

    [Test]
    public async Task With_https_the_cookie_is_for_this_host_and_TLS_alone()
    {
        await _server.RestartAsync(("public_base_url", "https://matrix.example.org/matrix/"));
        var page = await new TestBrowser(_server).OpensAsync(SignIn);
        Assert.That(
            page.Headers.GetValues("Set-Cookie").Single(),
            Does.StartWith("__Host-matrix-session=").And.Contain("Secure").And.Contain("SameSite=Lax"));
        var shown = await new TestBrowser(_server).OpensAsync(Account);
        Assert.That(shown.Headers.Location!.OriginalString, Does.StartWith("/matrix/_matrix/oauth2/sign-in?continue="));
    }

    [Test]
    public async Task Sign_ins_are_limited_as_other_logins()
    {
        await _server.RestartAsync(("rate_limits.enabled", "true"), ("rate_limits.password_burst", "2"));
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SignIn);
        for (var i = 0; i < 2; i++) await browser.SubmitsAsync(SignIn, ("username", "alice"), ("password", "wrong"));
        await browser.SubmitsAsync(SignIn, ("username", "alice"), ("password", _alice.Password));
        Assert.That(browser.Page.Status, Is.EqualTo(429));
    }
}
