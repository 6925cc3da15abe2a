using Matrix.Host.Api.Http;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Tests.OAuth;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.AdminPages;

/// <summary>Who gets in on the admin page, for how long, and what other sites may do.</summary>
public sealed class SignInTests : AdminPageTests
{
    private static readonly string[] _pages =
    [
        "overview", "users", "user?id=@alice:test.example", "user-devices?id=@alice:test.example",
        "user-rooms?id=@alice:test.example", "user-media?id=@alice:test.example",
        "user-admin?id=@alice:test.example", "user-password?id=@alice:test.example",
        "user-deactivate?id=@alice:test.example", "device-delete?id=@alice:test.example&device=D", "rooms",
        "room?id=!r", "room-members?id=!r", "room-state?id=!r", "room-graph?id=!r", "room-event?id=!r&event=$e",
        "room-admin?id=!r", "alias-delete?alias=%23a:test.example", "media", "file?uri=mxc://test.example/x",
        "media-delete?uri=mxc://test.example/x", "user-media-quarantine?id=@alice:test.example", "reports",
        "report?id=1", "report-delete?id=1", "servers", "server?name=x", "policies", "tokens",
        "token-delete?token=x", "notices", "audit", "jobs", "job?id=x", "job-cancel?id=x", "room-delete?id=!r",
        "room-purge?id=!r", "user-redact?id=@alice:test.example", "user-new",
    ];

    private static readonly string[] _acts =
    [
        "sign-out", "user-lock", "user-suspend", "user-admin?id=@alice:test.example",
        "user-password?id=@alice:test.example", "user-deactivate?id=@alice:test.example",
        "device-delete?id=@alice:test.example&device=D", "room-block", "room-admin?id=!r",
        "alias-delete?alias=%23a:test.example", "media-quarantine", "media-release",
        "media-delete?uri=mxc://test.example/x", "user-media-quarantine?id=@alice:test.example", "report-delete?id=1",
        "server-retry", "token-create", "token-delete?token=x", "notice-send", "jobs-enable", "job-cancel?id=x",
        "room-delete?id=!r", "room-purge?id=!r", "user-redact?id=@alice:test.example", "user-create",
    ];

    private async Task ChangeAsync(Change change) => await Server.Services.GetRequiredService<OpenedStorage>().Writer
        .WriteAsync(Batches.New(1).Add(change), CancellationToken.None);

    [TestCase("GET")]
    [TestCase("POST")]
    public void Every_page_and_every_form_is_in_the_lists(string method)
    {
        var routes = new ClientRoutes();
        foreach (var endpoints in Server.Services.GetServices<IEndpoints>()) endpoints.Map(routes);
        var mapped = routes.Collected
            .Where(route => route.Method == method && route.Template.StartsWith(Pages, StringComparison.Ordinal))
            .Select(static route => route.Template[Pages.Length..]);
        var listed = (method == "GET" ? _pages : _acts).Select(static page => page.Split('?')[0]);

        Assert.That(mapped.Except(["", "sign-in"]), Is.EquivalentTo(listed));
    }

    [TestCaseSource(nameof(_pages))]
    public async Task A_page_leads_to_the_sign_in_and_then_back(string page)
    {
        var browser = new TestBrowser(Server);
        await browser.OpensAsync(Pages + page);
        Assert.That(browser.Page.Status, Is.EqualTo(303));
        Assert.That(browser.Location, Is.EqualTo($"sign-in?continue={Uri.EscapeDataString(page)}"));
        Assert.That(browser.Page.Text, Is.Empty);

        var signIn = Pages + browser.Location;
        await browser.OpensAsync(signIn);
        await browser.SubmitsAsync(signIn, ("username", "root"), ("password", Root.Password));
        Assert.That(browser.Location, Is.EqualTo(page));
    }

    [TestCaseSource(nameof(_acts))]
    public async Task A_form_without_its_token_does_nothing(string act)
    {
        await Browser.PostsAsync(Pages + act, ("id", Alice.UserId), ("value", "true"), ("token", "foreign"));
        Assert.That((Browser.Page.Status, Browser.Page.Text.Contains("out of date")), Is.EqualTo((403, true)));
        var other = await SignsInAsync(await RegistersAdminAsync($"other{Guid.NewGuid():N}"[..12]));
        await Browser.PostsAsync(
            Pages + act, ("form_token", other.FormToken), ("id", Alice.UserId), ("value", "true"));
        Assert.That(Browser.Page.Status, Is.EqualTo(403));
        Assert.That((await Alice.GetAsync("account/whoami")).Status, Is.EqualTo(200));
    }

    [TestCase("Sec-Fetch-Site", "cross-site")]
    [TestCase("Sec-Fetch-Site", "same-site")]
    [TestCase("Origin", "https://evil.example")]
    [TestCase("Origin", "null")]
    public async Task A_form_from_another_origin_does_nothing(string header, string value)
    {
        var user = await Server.RegistersAsync($"origin{Guid.NewGuid():N}"[..14]);
        await ShowsAsync($"user?id={user.UserId}");
        var reply = await Server.Anyone.SendAsync(
            HttpMethod.Post,
            Pages + "user-lock",
            OAuthActions.Form(("form_token", Browser.FormToken), ("id", user.UserId), ("value", "true")),
            ("Cookie", Browser.Cookie!),
            (header, value));
        Assert.That(reply.Status, Is.EqualTo(403));
        (await user.GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task Everybody_who_does_not_get_in_sees_the_same_page()
    {
        var texts = new List<string>();
        foreach (var (name, password) in new[]
        {
            ("root", "wrong"), ("alice", Alice.Password), ("alice", "wrong"), ("nobody", "wrong"),
            ("@x:elsewhere.example", "wrong"),
        })
        {
            var browser = new TestBrowser(Server);
            await browser.OpensAsync(Pages + "sign-in");
            await browser.SubmitsAsync(Pages + "sign-in", ("username", name), ("password", password));
            Assert.That(browser.Page.Status, Is.EqualTo(403), name);
            texts.Add(browser.Page.Text.Split("role=\"alert\"")[1].Split("</p>")[0]);
            await browser.OpensAsync(Pages + "overview");
            Assert.That(browser.Page.Status, Is.EqualTo(303), name);
        }

        Assert.That(texts.Distinct().Count(), Is.EqualTo(1), string.Join('\n', texts));
    }

    [Test]
    public async Task The_cookie_is_hidden_from_scripts_and_from_other_sites_and_is_another_one_after_the_sign_in()
    {
        var browser = new TestBrowser(Server);
        var page = await browser.OpensAsync(Pages + "sign-in");
        var before = page.Headers.GetValues("Set-Cookie").Single();
        Assert.That(before, Does.StartWith("matrix-admin=").And.Contain("HttpOnly; SameSite=Strict"));
        await browser.SubmitsAsync(Pages + "sign-in", ("username", "root"), ("password", Root.Password));
        Assert.That(browser.Cookie, Is.Not.EqualTo(before.Split(';')[0]));

        foreach (var host in new[] { "matrix.example.org", "192.0.2.7:8009", "127.0.0.1.example.org" })
        {
            var outside = await Server.Anyone.SendAsync(HttpMethod.Get, Pages + "sign-in", null, ("Host", host));
            Assert.That(
                outside.Headers.GetValues("Set-Cookie").Single(),
                Does.StartWith("__Host-matrix-admin=").And.Contain("Path=/; HttpOnly; SameSite=Strict; Secure"));
        }

        var behind = await Server.Anyone.SendAsync(
            HttpMethod.Get, Pages + "sign-in", null, ("X-Forwarded-Proto", "https"));
        Assert.That(behind.Headers.GetValues("Set-Cookie").Single(), Does.StartWith("__Host-").And.Contain("Secure"));
    }

    [Test]
    public async Task The_sign_in_leads_to_no_other_site()
    {
        foreach (var next in new[]
        {
            "https://evil.example/", "//evil.example", "/\\evil.example", "..%2f..%2fx", "javascript:alert(1)", "a/b",
            "users\r\nX: y", "Users", "",
        })
        {
            var browser = new TestBrowser(Server);
            var signIn = $"{Pages}sign-in?continue={Uri.EscapeDataString(next)}";
            await browser.OpensAsync(signIn);
            await browser.SubmitsAsync(signIn, ("username", "root"), ("password", Root.Password));
            Assert.That(browser.Location, Is.EqualTo("overview"), next);
        }
    }

    [Test]
    public async Task No_page_can_be_framed_or_run_what_is_not_its_own()
    {
        foreach (var page in new[] { "overview", "users", "notices", "sign-in" })
        {
            var browser = page == "sign-in" ? new TestBrowser(Server) : Browser;
            var reply = await browser.OpensAsync(Pages + page);
            var policy = reply.Headers.GetValues("Content-Security-Policy").Single();
            Assert.That(policy, Does.StartWith("default-src 'none'").And.Contain("frame-ancestors 'none'"), page);
            Assert.That(policy, Does.Contain("base-uri 'none'").And.Contain("form-action 'self';"), page);
            Assert.That(policy, Does.Not.Contain("unsafe").And.Not.Contain("http"), page);
            Assert.That(reply.Headers.GetValues("X-Frame-Options").Single(), Is.EqualTo("DENY"), page);
            Assert.That(reply.Headers.CacheControl!.NoStore, page);
            Assert.That(reply.Headers.Contains("Access-Control-Allow-Origin"), Is.False, page);
            Assert.That(reply.Text, Does.Not.Contain("src=").And.Not.Contain("style="), page);
        }
    }

    [Test]
    public async Task The_sign_in_ends_after_its_time_and_with_the_button()
    {
        Server.Ahead = TimeSpan.FromMinutes(119);
        await ShowsAsync("users");
        Server.Ahead = TimeSpan.FromMinutes(121);
        await Browser.OpensAsync(Pages + "users");
        Assert.That(Browser.Location, Does.StartWith("sign-in?"));

        Browser.Cookie = (await SignsInAsync(Root)).Cookie;
        await ShowsAsync("users");
        var old = Browser.Cookie;
        await Browser.SubmitsAsync(Pages + "sign-out");
        Assert.That(Browser.Location, Is.EqualTo("sign-in"));
        Browser.Cookie = old;
        await Browser.OpensAsync(Pages + "users");
        Assert.That(Browser.Location, Does.StartWith("sign-in?"));
    }

    [Test]
    public async Task An_administrator_who_loses_the_right_or_is_locked_or_suspended_is_signed_out_at_once()
    {
        foreach (var lost in new Func<string, Change>[]
        {
            userId => new AdminChanged(userId, false), userId => new AccountLockChanged(userId, true, false),
            userId => new AccountSuspensionChanged(userId, true, false), userId => new UserDeactivated(userId, false),
            userId => new PasswordChanged(userId, "another hash"),
        })
        {
            var admin = await RegistersAdminAsync($"lost{Guid.NewGuid():N}"[..14]);
            var browser = await SignsInAsync(admin);
            Assert.That((await browser.OpensAsync(Pages + "users")).Status, Is.EqualTo(200));
            await ChangeAsync(lost(admin.UserId));
            await browser.OpensAsync(Pages + "users");
            Assert.That(browser.Location, Does.StartWith("sign-in?"));
            await browser.SubmitsAsync(Pages + "user-lock", ("id", Alice.UserId), ("value", "true"));
            Assert.That(browser.Location, Does.StartWith("sign-in?"));
            (await Alice.GetAsync("account/whoami")).Is(200);
        }
    }

    [Test]
    public async Task What_cannot_be_undone_asks_for_the_password_again()
    {
        var user = await Server.RegistersAsync("asked");
        var act = $"user-deactivate?id={In(user.UserId)}";
        Assert.That(await ShowsAsync(act), Does.Not.Contain("name=\"password\""));

        Server.Ahead = TimeSpan.FromMinutes(6);
        Assert.That(await ShowsAsync(act), Does.Contain("name=\"password\""));
        foreach (var password in new[] { "", "wrong", user.Password })
        {
            await Browser.SubmitsAsync(Pages + act, ("password", password));
            Assert.That(Browser.Page.Status, Is.EqualTo(403));
            Assert.That(Browser.Page.Text, Does.Contain("The password is wrong."));
        }

        (await user.GetAsync("account/whoami")).Is(200);
        Assert.That(await DoesAsync(act, ("password", Root.Password)), Does.Contain("The account has ended."));
        Assert.That(await ShowsAsync($"user-deactivate?id={In(Alice.UserId)}"), Does.Not.Contain("name=\"password\""));
    }

    [Test]
    public async Task Sign_ins_are_recorded_and_limited()
    {
        Assert.That(await AuditOfAsync(Root.UserId), Does.Contain("page.sign_in: done"));
        await using var limited = await TestServer.StartAsync(
            ("rate_limits.enabled", "true"), ("rate_limits.password_burst", "2"));
        var browser = new TestBrowser(limited);
        await browser.OpensAsync(Pages + "sign-in");
        for (var i = 0; i < 2; i++)
        {
            await browser.SubmitsAsync(Pages + "sign-in", ("username", "somebody"), ("password", "wrong"));
            Assert.That(browser.Page.Status, Is.EqualTo(403));
        }

        await browser.SubmitsAsync(Pages + "sign-in", ("username", "somebody"), ("password", "wrong"));
        Assert.That(browser.Page.Status, Is.EqualTo(429));
    }

    [Test]
    public async Task It_is_where_the_administration_API_is_and_nowhere_else()
    {
        await using var apart = await TestServer.StartAsync(
            ("listeners.admin", "127.0.0.1:0"), ("listeners.federation", "127.0.0.1:0"));
        (await apart.Anyone.GetAsync(Pages + "sign-in")).Is(404, "M_UNRECOGNIZED");
        (await apart.Anyone.GetAsync(Pages.TrimEnd('/'))).Is(404, "M_UNRECOGNIZED");
        using var http = new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false });
        var admin = await http.GetAsync(new Uri(apart.AdminAddress!, Pages + "sign-in"));
        var first = await http.GetAsync(new Uri(apart.AdminAddress!, Pages.TrimEnd('/')));
        var below = await http.GetAsync(new Uri(apart.AdminAddress!, Pages));
        var servers = await http.GetAsync(new Uri(apart.FederationAddress!, Pages + "sign-in"));
        Assert.That(((int)admin.StatusCode, (int)servers.StatusCode), Is.EqualTo((200, 404)));
        Assert.That(
            (first.Headers.Location!.OriginalString, below.Headers.Location!.OriginalString),
            Is.EqualTo(("page/overview", "overview")));
    }

    [Test]
    public async Task Uploaded_pages_and_pictures_run_nothing_on_this_origin()
    {
        foreach (var (type, name) in new[] { ("text/html", "a.html"), ("image/svg+xml", "a.svg") })
        {
            var uri = await UploadsAsync(Alice, type, name, "<svg xmlns='x'><script>alert(1)</script></svg>");
            var reply = await Alice.GetAsync("/_matrix/client/v1/media/download/" + uri["mxc://".Length..]);
            Assert.That(reply.Status, Is.EqualTo(200));
            Assert.That(
                reply.Headers.GetValues("Content-Security-Policy").Single(),
                Does.StartWith("sandbox;").And.Contain("script-src 'none'"));
            Assert.That(reply.ContentHeaders.ContentDisposition!.DispositionType, Is.EqualTo("attachment"));
            Assert.That(reply.Headers.GetValues("X-Content-Type-Options").Single(), Is.EqualTo("nosniff"));
        }
    }

    [Test]
    public async Task A_token_of_an_administrator_does_not_open_a_page()
    {
        var reply = await Root.GetAsync(Pages + "users");
        Assert.That(reply.Status, Is.EqualTo(303));
    }
}
