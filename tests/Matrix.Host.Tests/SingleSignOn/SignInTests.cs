using System.Text.Json.Nodes;
using Matrix.Host.Tests.OAuth;
using Matrix.Host.Users.Administration;
using Matrix.Host.Users.Moderation;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.SingleSignOn;

/// <summary>Logins of clients by a provider.</summary>
internal sealed class SignInTests
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

    [Test]
    public async Task Logins_list_the_providers_and_prefer_them_where_the_pages_of_OAuth_are()
    {
        var flows = (await _server.Anyone.GetAsync("login")).Is(200).Json["flows"]!.AsArray();
        var sso = flows.Single(flow => (string?)flow!["type"] == "m.login.sso")!;
        Assert.That((string?)sso["identity_providers"]![0]!["id"], Is.EqualTo("corp"));
        Assert.That((bool)sso["oauth_aware_preferred"]!, Is.True);
        await _server.RestartAsync(("oauth.enabled", "false"));
        Assert.That((await _server.Anyone.GetAsync("login")).Text, Does.Not.Contain("oauth_aware_preferred"));
    }

    [Test]
    public async Task A_person_gets_an_account_at_first_and_the_same_one_again()
    {
        var first = await _server.ComesFromAsync(_provider, "s1", "Alice");
        Assert.That(first.Member("user_id"), Is.EqualTo("@alice:test.example"));
        var profile = await new TestClient(_server, first.Member("access_token")).GetAsync(
            "profile/@alice:test.example/displayname");
        Assert.That(profile.Member("displayname"), Is.EqualTo("ALICE"));
        var again = await _server.ComesFromAsync(_provider, "s1", "renamed");
        Assert.That(again.Member("user_id"), Is.EqualTo("@alice:test.example"));
    }

    [TestCase("true")]
    [TestCase("false")]
    public async Task A_locked_user_gets_nothing_by_signing_in_at_a_provider(string oauth)
    {
        await _server.RestartAsync(("oauth.enabled", oauth));
        await _server.ComesFromAsync(_provider, "s1", "alice");
        await _server.Services.GetRequiredService<AccountModeration>()
            .LockAsync(AdminActor.Operator, "@alice:test.example", true, CancellationToken.None);
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice"));
        for (var step = 0; step < 5 && browser.Location is { } next; step++)
        {
            Assert.That(next, Does.StartWith("/").And.Not.Contain("loginToken="));
            await browser.OpensAsync(next);
        }

        Assert.That(browser.Page.Text, Does.Not.Contain("@alice:test.example"));
    }

    [Test]
    public async Task A_login_token_is_used_once_and_for_seconds()
    {
        var browser = new TestBrowser(_server);
        foreach (var ahead in new[] { TimeSpan.Zero, TimeSpan.FromSeconds(11) })
        {
            await browser.OpensAsync(SsoActions.RedirectPath());
            await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice"));
            await browser.OpensAsync(browser.Location!);
            var token = SsoActions.TokenOf(browser.Location);
            _server.Ahead = ahead;
            if (ahead == TimeSpan.Zero) (await _server.LogsInByTokenAsync(token)).Is(200);
            (await _server.LogsInByTokenAsync(token)).Is(403, "M_FORBIDDEN");
        }
    }

    [Test]
    public async Task An_unknown_client_is_shown_before_the_browser_goes_there()
    {
        const string evil = "https://chat.example.org.evil.org/?a=b&loginToken=old#x";
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath(evil));
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice"));
        var page = browser.Location!;
        await browser.OpensAsync(page);
        Assert.That(browser.Page.Status, Is.EqualTo(200));
        Assert.That(browser.Page.Text, Does.Contain("<strong>chat.example.org.evil.org</strong>"));
        Assert.That((await browser.PostsAsync(page)).Status, Is.EqualTo(403), "Without a token of the form.");
        await browser.OpensAsync(page);
        await browser.SubmitsAsync(page);
        Assert.That(browser.Location, Does.StartWith("https://chat.example.org.evil.org/?a=b&loginToken=mlt_"));
        Assert.That(browser.Location, Does.EndWith("#x").And.Not.Contain("old"));
    }

    [Test]
    public async Task A_web_site_is_no_application_of_this_device_and_is_shown_with_its_port()
    {
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath("http://evil.example:81/"));
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice"));
        await browser.OpensAsync(browser.Location!);

        Assert.That(
            browser.Page.Text, Does.Contain("<strong>evil.example:81</strong>").And.Not.Contain("on this device"));
    }

    [TestCase("javascript:alert(1)")]
    [TestCase("data:text/html,x")]
    [TestCase("/relative")]
    [TestCase("http:/evil.example/")]
    [TestCase("https:evil.example")]
    public async Task A_redirect_to_what_is_no_client_is_refused(string url)
    {
        (await _server.Anyone.GetAsync(SsoActions.RedirectPath(url))).Is(400, "M_INVALID_PARAM");
        var browser = new TestBrowser(_server);
        await browser.OpensAsync($"{OAuthActions.Root}login-token?redirectUrl={Uri.EscapeDataString(url)}");
        Assert.That(browser.Page.Status, Is.EqualTo(400));
    }

    [Test]
    public async Task A_redirect_needs_a_URL_and_a_known_provider_and_chooses_the_page_by_the_action()
    {
        (await _server.Anyone.GetAsync("login/sso/redirect")).Is(400, "M_MISSING_PARAM");
        Assert.That(
            (await _server.Anyone.GetAsync(SsoActions.RedirectPath(provider: "other"))).Status, Is.EqualTo(404));
        foreach (var (action, page) in new[] { ("login", "sign-in"), ("register", "sign-up") })
        {
            var reply = await _server.Anyone.GetAsync(SsoActions.RedirectPath(provider: null) + "&action=" + action);
            Assert.That(reply.Status, Is.EqualTo(302));
            Assert.That(
                reply.Headers.Location!.OriginalString, Does.StartWith(OAuthActions.Root + page + "?continue="));
        }
    }

    [Test]
    public async Task The_page_of_OAuth_knows_passwords_and_providers_and_leads_to_the_client()
    {
        var bob = await _server.RegistersAsync("bob");
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath(provider: null));
        var signIn = browser.Location!;
        var page = await browser.OpensAsync(signIn);
        Assert.That(page.Text, Does.Contain("Continue with Corp corp").And.Contain("/_matrix/oauth2/sso/start/corp"));
        Assert.That(
            page.Headers.GetValues("Content-Security-Policy").Single(),
            Does.Contain("form-action 'self' https://chat.example.org;"));
        await browser.SubmitsAsync(signIn, ("username", "bob"), ("password", bob.Password));
        await browser.OpensAsync(browser.Location!);
        var login = (await _server.LogsInByTokenAsync(SsoActions.TokenOf(browser.Location))).Is(200);
        Assert.That(login.Member("user_id"), Is.EqualTo(bob.UserId));

        // Later the user is asked, even for a known client.
        _server.Ahead = TimeSpan.FromMinutes(2);
        await browser.OpensAsync(
            $"{OAuthActions.Root}login-token?redirectUrl={Uri.EscapeDataString(SsoActions.Client)}");
        Assert.That(browser.Page.Text, Does.Contain("Use another account"));
    }

    [Test]
    public async Task A_name_that_is_taken_or_not_valid_is_chosen_by_the_person()
    {
        await _server.RegistersAsync("carol");
        foreach (var (subject, name, chosen, why) in new[]
        {
            ("s2", "carol", "carol2", "is taken"), ("s3", "J\u00fcrgen M", "jrgen", "can be your user name here"),
        })
        {
            var browser = new TestBrowser(_server);
            await browser.OpensAsync(SsoActions.RedirectPath());
            await browser.OpensAsync(_provider.SignsIn(browser.Location!, subject, name));
            var page = browser.Location!;
            await browser.OpensAsync(page);
            Assert.That(
                browser.Page.Text,
                Does.Contain("name=\"username\"").And.Contain(why).And.Not.Contain("role=\"alert\""),
                "The person has made no mistake yet.");
            Assert.That((await new TestBrowser(_server).OpensAsync(page)).Status, Is.EqualTo(400), "Another browser.");
            await browser.SubmitsAsync(page, ("username", "carol"));
            Assert.That(browser.Page.Status, Is.EqualTo(400));
            Assert.That(browser.Page.Text, Does.Contain("<p role=\"alert\">The user name is taken.</p>"));
            await browser.SubmitsAsync(page, ("username", chosen));
            await browser.OpensAsync(browser.Location!);
            var login = (await _server.LogsInByTokenAsync(SsoActions.TokenOf(browser.Location))).Is(200);
            Assert.That(login.Member("user_id"), Is.EqualTo($"@{chosen}:test.example"));
        }
    }

    [Test]
    public async Task An_existing_user_is_linked_only_where_the_configuration_says_so()
    {
        var dave = await _server.RegistersAsync("dave");
        await _server.RestartAsync(
            ("sso.providers", $"[{_provider.Config(more: ",\"links_users\":true,\"creates_users\":false")}]"));
        var login = await _server.ComesFromAsync(_provider, "s4", "Dave");
        Assert.That(login.Member("user_id"), Is.EqualTo(dave.UserId));

        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s5", "nobody"));
        Assert.That(browser.Page.Status, Is.EqualTo(403), "And nobody new has an account.");
        await browser.OpensAsync(SsoActions.RedirectPath());
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s4", "nobody"));
        Assert.That(browser.Page.Status, Is.EqualTo(303), "The subject counts, not the name.");
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task An_account_that_a_person_of_the_provider_has_is_not_given_to_another_one_of_the_same_name(
        bool creates)
    {
        var dave = await _server.RegistersAsync("dave");
        var more = $",\"links_users\":true,\"creates_users\":{(creates ? "true" : "false")}";
        await _server.RestartAsync(("sso.providers", $"[{_provider.Config(more: more)}]"));
        var login = await _server.ComesFromAsync(_provider, "s4", "Dave");
        Assert.That(login.Member("user_id"), Is.EqualTo(dave.UserId));

        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s5", "dave"));
        if (!creates)
        {
            Assert.That((browser.Page.Status, browser.Location), Is.EqualTo((403, (string?)null)));
            return;
        }

        Assert.That(browser.Location, Is.EqualTo(OAuthActions.Root + "sso/name"));
        await browser.OpensAsync(browser.Location!);
        Assert.That(browser.Page.Text, Does.Contain("is taken"));
    }

    [Test]
    public async Task A_deactivated_or_locked_user_gets_a_page()
    {
        var login = await _server.ComesFromAsync(_provider, "s6", "erin");
        var admin = await _server.RegistersAsync("root");
        var storage = _server.Services.GetRequiredService<Matrix.Host.Storage.OpenedStorage>();
        Assert.That(admin, Is.Not.Null);
        await storage.Writer.WriteAsync(
            Batches.New(1).Add(
                new Matrix.Host.Storage.Tables.Accounts.UserDeactivated(login.Member("user_id"), false)),
            CancellationToken.None);
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s6", "erin"));
        Assert.That((browser.Page.Status, browser.Page.Text), Is.EqualTo((403, browser.Page.Text)));
        Assert.That(browser.Page.Text, Does.Contain("deactivated"));
    }

    [Test]
    public async Task Claims_that_the_ID_token_lacks_come_from_the_UserInfo_endpoint_of_the_same_person()
    {
        _provider.Changes = static claims => claims.Remove("preferred_username");
        _provider.UserInfo = new JsonObject { ["preferred_username"] = "frank" };
        var login = await _server.ComesFromAsync(_provider, "s7", "x");
        Assert.That(login.Member("user_id"), Is.EqualTo("@frank:test.example"));

        _provider.UserInfo["sub"] = "another";
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s8", "x"));
        Assert.That(browser.Page.Status, Is.EqualTo(502));
    }

    [Test]
    public async Task The_login_fallback_leads_through_a_provider()
    {
        const string page = "/_matrix/static/client/login/?device_id=PHONE";
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(page);
        await browser.OpensAsync($"{OAuthActions.Root}sso/start/corp?continue={Uri.EscapeDataString(page)}");
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s9", "gina"));
        Assert.That(browser.Location, Is.EqualTo(page));
        await browser.OpensAsync(page);
        Assert.That(browser.Page.Text, Does.Contain("Continue as @gina:test.example"));
        var done = await browser.SubmitsAsync(page, ("goes_on", "yes"));
        Assert.That(done.Text, Does.Contain("&quot;device_id&quot;:&quot;PHONE&quot;"));
    }

    [Test]
    public async Task Without_the_pages_of_OAuth_the_user_chooses_a_provider_and_stays_signed_in_nowhere()
    {
        await _server.RestartAsync(
            ("oauth.enabled", "false"), ("sso.providers", $"[{_provider.Config()},{_provider.Config("two")}]"));
        var browser = new TestBrowser(_server);
        await browser.OpensAsync(SsoActions.RedirectPath(provider: null));
        Assert.That(browser.Page.Text, Does.Contain("Continue with Corp two"));
        await browser.OpensAsync(SsoActions.RedirectPath());
        await browser.OpensAsync(_provider.SignsIn(browser.Location!, "s1", "alice"));
        var tokenPage = browser.Location!;
        await browser.OpensAsync(tokenPage);
        (await _server.LogsInByTokenAsync(SsoActions.TokenOf(browser.Location))).Is(200);
        Assert.That((await browser.OpensAsync(tokenPage)).Status, Is.EqualTo(403));
    }
}
