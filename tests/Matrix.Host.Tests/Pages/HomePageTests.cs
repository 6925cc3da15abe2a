using Matrix.Host.Tests.OAuth;

namespace Matrix.Host.Tests.Pages;

/// <summary>The first minute in a browser: the page at `/`, the first user, and addresses that are for apps.</summary>
internal sealed class HomePageTests
{
    private const string SignUp = OAuthActions.Root + "sign-up";

    private static readonly (string, string) _opens = ("Sec-Fetch-Mode", "navigate");

    private TestServer _server = null!;

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    private async Task StartAsync(params (string Key, string Value)[] settings) =>
        _server = await TestServer.StartAsync([("registration.enabled", "false"), .. settings]);

    private Task<Reply> OpensAsync(string path, params (string, string)[] headers) =>
        _server.Anyone.SendAsync(HttpMethod.Get, path, null, headers);

    [Test]
    public async Task The_first_user_registers_in_a_browser_on_the_machine_and_administers_the_server()
    {
        await StartAsync();
        var browser = new TestBrowser(_server);
        var home = await browser.OpensAsync("/");
        Assert.That(home.Status, Is.EqualTo(200));
        Assert.That(home.Text, Does.Contain("Nobody has an account yet").And.Contain($"href=\"{SignUp}\""));
        Assert.That(home.Text, Does.Not.Contain("Your account"));

        // The token comes in the fragment, which the page reads and the server never gets.
        Assert.That(
            (await browser.OpensAsync(SignUp)).Text, Does.Contain("location.hash").And.Contain("name=\"token\""));
        (string, string)[] account =
            [("username", "first"), ("password", "long enough"), ("password_again", "long enough")];
        await browser.SubmitsAsync(SignUp, [("token", "wrong"), .. account]);
        Assert.That(browser.Page.Status, Is.EqualTo(400));
        Assert.That(browser.Page.Text, Does.Contain("not valid"));
        await browser.SubmitsAsync(SignUp, [("token", _server.FirstUserToken!), .. account]);
        Assert.That((browser.Page.Status, browser.Location), Is.EqualTo((303, OAuthActions.Root + "account")));
        Assert.That((await browser.OpensAsync(browser.Location!)).Text, Does.Contain("@first:test.example"));

        home = await browser.OpensAsync("/");
        Assert.That(home.Text, Does.Contain("Your account").And.Contain("/_synapse/admin/page"));
        Assert.That(home.Text, Does.Contain("not open for new accounts").And.Not.Contain(SignUp));
        Assert.That((await browser.OpensAsync(SignUp)).Text, Does.Not.Contain("location.hash"));

        const string admin = "/_synapse/admin/page/sign-in";
        var page = new TestBrowser(_server);
        await page.OpensAsync(admin);
        await page.SubmitsAsync(admin, ("username", "first"), ("password", "long enough"));
        Assert.That(page.Page.Status, Is.EqualTo(303), page.Page.Text);
    }

    [Test]
    public async Task Without_a_public_URL_the_pages_are_for_browsers_on_the_machine()
    {
        await StartAsync();
        foreach (var header in new[] { ("Host", "matrix.example.org"), ("X-Forwarded-For", "192.0.2.1") })
        {
            var page = await OpensAsync(SignUp, header);
            Assert.That(page.Status, Is.EqualTo(403));
            Assert.That(page.Text, Does.Contain("public_base_url"));
            var home = await OpensAsync("/", header);
            Assert.That(home.Text, Does.Contain("with an app that").And.Not.Contain(SignUp));
        }

        foreach (var host in new[] { "localhost:8008", "[::1]:8008", "127.0.0.1" })
        {
            Assert.That((await OpensAsync(SignUp, ("Host", host))).Status, Is.EqualTo(200), host);
        }

        // Clients elsewhere could not reach the issuer.
        (await OpensAsync("/_matrix/client/v1/auth_metadata")).Is(404, "M_UNRECOGNIZED");
        (await _server.Anyone.PostAsync(OAuthActions.Root + "clients", OAuthActions.Metadata()))
            .Is(404, "M_UNRECOGNIZED");
    }

    [Test]
    public async Task The_first_page_says_how_apps_reach_the_server()
    {
        await StartAsync();
        var authority = _server.ClientAddress.GetLeftPart(UriPartial.Authority);
        Assert.That(
            (await OpensAsync("/")).Text,
            Does.Contain($"<strong>{authority}</strong>, which works on this machine only").And.Contain("element.io"));

        await _server.RestartAsync(
            ("public_base_url", "https://matrix.example.org/"), ("support.page", "https://example.org/help"));
        var home = await OpensAsync("/", ("Host", "anything.example"));
        Assert.That(
            home.Text,
            Does.Contain("<strong>https://matrix.example.org</strong>.").And.Contain("https://example.org/help"));
        Assert.That(home.Text, Does.Contain(SignUp).And.Contain("<h1>test.example</h1>").And.Not.Contain("anything"));
    }

    [Test]
    public async Task Only_clients_have_a_first_page_and_it_leads_to_the_administration_only_where_that_is()
    {
        await StartAsync(
            ("listeners.admin", "127.0.0.1:0"),
            ("listeners.federation", "127.0.0.1:0"),
            ("registration.enabled", "true"));
        await _server.RegistersAsync("alice");
        Assert.That((await OpensAsync("/")).Text, Does.Not.Contain("/_synapse/admin"));
        foreach (var other in new[] { _server.AdminAddress!, _server.FederationAddress! })
        {
            using var reply = await _server.Http.GetAsync(other);
            Assert.That((int)reply.StatusCode, Is.EqualTo(404));
        }
    }

    [Test]
    public async Task An_address_for_apps_says_so_to_a_person_and_answers_apps_in_JSON()
    {
        await StartAsync();
        const string accepts = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        foreach (var header in new[] { _opens, ("Accept", accepts) })
        {
            var missing = await OpensAsync("/_matrix/client/v3/sync", header);
            Assert.That(missing.Status, Is.EqualTo(401));
            Assert.That(missing.ContentHeaders.ContentType!.ToString(), Is.EqualTo("text/html; charset=utf-8"));
            Assert.That(
                missing.Text, Does.Contain("for apps").And.Contain("M_MISSING_TOKEN").And.Contain("href=\"/\""));
            Assert.That((await OpensAsync("/nothing", header)).Text, Does.Contain("404 M_UNRECOGNIZED"));
        }

        var method = await OpensAsync("/_matrix/client/v1/login/get_token", _opens);
        Assert.That(method.ContentHeaders.Allow, Does.Contain("POST"));
        (await OpensAsync("/_matrix/client/v3/sync")).Is(401, "M_MISSING_TOKEN");
        (await OpensAsync("/_matrix/client/v3/sync", ("Accept", "*/*"))).Is(401, "M_MISSING_TOKEN");
        (await OpensAsync("/_matrix/client/v3/sync", ("Sec-Fetch-Mode", "cors"), ("Accept", accepts)))
            .Is(401, "M_MISSING_TOKEN");
        (await OpensAsync("/_matrix/client/versions", _opens)).Is(200);
    }

    [Test]
    public async Task Pages_name_the_server_and_have_a_HEAD()
    {
        await StartAsync(("public_base_url", "https://matrix.example.org/behind/"));
        var home = await OpensAsync("/");
        Assert.That(home.Text, Does.Contain("<title>test.example</title>").And.Contain("/behind" + SignUp));
        string[] others = [SignUp, OAuthActions.Root + "sign-in", "/_synapse/admin/page/sign-in"];
        foreach (var path in others)
        {
            Assert.That(
                (await OpensAsync(path)).Text,
                Does.Contain("– test.example</title>").And.Contain("<a href=\"/behind/\">test.example</a>"), path);
        }

        foreach (var path in others.Append("/"))
        {
            var head = await _server.Anyone.SendAsync(HttpMethod.Head, path, null);
            Assert.That((head.Status, head.Text), Is.EqualTo((200, "")), path);
            Assert.That(head.ContentHeaders.ContentLength, Is.GreaterThan(500), path);
            Assert.That(head.ContentHeaders.ContentType!.MediaType, Is.EqualTo("text/html"), path);
        }

        var foreign = await _server.Anyone.SendAsync(
            HttpMethod.Post, OAuthActions.Root + "sign-in", OAuthActions.Form(("username", "a"), ("password", "b")));
        Assert.That(foreign.Status, Is.EqualTo(403));
        Assert.That(foreign.Text, Does.Contain("test.example"));
    }
}
