using System.Text.Json.Nodes;
using Matrix.Host.Storage.Tables.Policies;
using Matrix.Host.Tests.Network;
using Matrix.Host.Tests.OAuth;
using Matrix.Host.Tests.SingleSignOn;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Accounts;

/// <summary>The policies and the captcha of registration, on the API and on pages.</summary>
internal sealed class RegistrationStageTests
{
    private const string Policies = """
        {"terms":{"version":"1.2","en":{"name":"Terms","url":"https://example.org/terms"},
        "fr":{"name":"Conditions","url":"https://example.org/fr"}}}
        """;

    private static async Task<string[]> AcceptedAsync(TestServer server, string userId) =>
    [
        .. (await server.Services.GetRequiredService<PoliciesTable>().AcceptedAsync(userId, CancellationToken.None))
            .Select(static accepted => $"{accepted.Policy} {accepted.Version}"),
    ];

    [Test]
    public async Task New_users_accept_the_policies_and_the_server_remembers_which()
    {
        await using var server = await OAuthActions.StartAsync(("terms.policies", Policies));
        var body = new JsonObject { ["username"] = "alice", ["password"] = "long enough" };
        var asked = (await server.Anyone.PostAsync("register", body.DeepClone())).Is(401);
        Assert.That(
            asked.Json["flows"]!.ToJsonString(),
            Is.EqualTo("[{\"stages\":[\"m.login.terms\",\"m.login.dummy\"]},"
                + "{\"stages\":[\"m.login.terms\",\"m.login.registration_token\"]}]"));
        Assert.That(
            (string?)asked.Json["params"]!["m.login.terms"]!["policies"]!["terms"]!["fr"]!["name"],
            Is.EqualTo("Conditions"));
        var session = asked.Member("session");
        foreach (var (type, status) in new[] { ("m.login.dummy", 401), ("m.login.terms", 401), ("m.login.dummy", 200) })
        {
            body["auth"] = new JsonObject { ["type"] = type, ["session"] = session };
            var reply = await server.Anyone.PostAsync("register", body.DeepClone());
            Assert.That(reply.Status, Is.EqualTo(status), reply.Text);
        }

        Assert.That(await AcceptedAsync(server, "@alice:test.example"), Is.EqualTo(new[] { "terms 1.2" }));
        asked = (await server.Anyone.PostAsync(
            "register", new JsonObject { ["username"] = "bob", ["password"] = "long enough" })).Is(401);
        Assert.That(asked.Json["flows"]!.ToJsonString(), Is.EqualTo("""[{"stages":["m.login.terms"]}]"""));
    }

    [Test]
    public async Task The_pages_have_a_box_for_each_policy_in_the_language_of_the_browser()
    {
        await using var server = await OAuthActions.StartAsync(("terms.policies", Policies));
        const string signUp = OAuthActions.Root + "sign-up";
        var french = await server.Anyone.SendAsync(
            HttpMethod.Get, signUp, null, ("Accept-Language", "de;q=0.5, fr-CA;q=0.9"));
        Assert.That(french.Text, Does.Contain("https://example.org/fr").And.Contain("lang=\"fr\""));
        var browser = new TestBrowser(server);
        Assert.That((await browser.OpensAsync(signUp)).Text, Does.Contain("https://example.org/terms"));
        (string, string)[] fields =
            [("username", "carol"), ("password", "long enough"), ("password_again", "long enough")];
        Assert.That((await browser.SubmitsAsync(signUp, fields)).Text, Does.Contain("Tick the boxes"));
        await browser.SubmitsAsync(signUp, [.. fields, ("policy terms", "1.2")]);
        Assert.That(browser.Page.Status, Is.EqualTo(303), browser.Page.Text);
        Assert.That(await AcceptedAsync(server, "@carol:test.example"), Is.EqualTo(new[] { "terms 1.2" }));

        var session = (await server.Anyone.PostAsync(
            "register", new JsonObject { ["username"] = "dave", ["password"] = "long enough" })).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.terms/fallback/web?session={session}";
        await browser.OpensAsync(page);
        Assert.That((await browser.SubmitsAsync(page)).Status, Is.EqualTo(403));
        Assert.That((await browser.SubmitsAsync(page, ("policy terms", "1.2"))).Text, Does.Contain("onAuthDone"));
        (await server.Anyone.PostAsync("register", new JsonObject
        {
            ["username"] = "dave",
            ["password"] = "long enough",
            ["auth"] = new JsonObject { ["session"] = session },
        })).Is(200);
    }

    [Test]
    public async Task People_who_come_from_a_provider_accept_the_policies_first()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var server = await SsoActions.StartAsync(provider.Config(), ("terms.policies", Policies));
        var browser = new TestBrowser(server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        await browser.OpensAsync(provider.SignsIn(browser.Location!, "s1", "erin"));
        var page = browser.Location!;
        await browser.OpensAsync(page);
        Assert.That(browser.Page.Text, Does.Contain("value=\"erin\"").And.Contain("https://example.org/terms"));
        Assert.That((await browser.SubmitsAsync(page, ("username", "erin"))).Status, Is.EqualTo(400));
        await browser.SubmitsAsync(page, ("username", "erin"), ("policy terms", "1.2"));
        Assert.That(browser.Page.Status, Is.EqualTo(303));
        Assert.That(await AcceptedAsync(server, "@erin:test.example"), Is.EqualTo(new[] { "terms 1.2" }));
    }

    [Test]
    public async Task A_captcha_is_checked_where_the_configuration_says()
    {
        await using var stub = await CaptchaStub.StartAsync();
        await using var server = await OAuthActions.StartAsync(
            ("captcha.public_key", "site-key"), ("captcha.private_key", "secret-key"), ("captcha.verify_url", stub.Url),
            ("captcha.allow_networks", "127.0.0.1/32"));
        var body = new JsonObject { ["username"] = "alice", ["password"] = "long enough" };
        var asked = (await server.Anyone.PostAsync("register", body.DeepClone())).Is(401);
        Assert.That((string?)asked.Json["params"]!["m.login.recaptcha"]!["public_key"], Is.EqualTo("site-key"));
        var session = asked.Member("session");
        body["auth"] = new JsonObject { ["type"] = "m.login.recaptcha", ["session"] = session, ["response"] = "wrong" };
        (await server.Anyone.PostAsync("register", body.DeepClone())).Is(401, "M_FORBIDDEN");
        body["auth"]!.AsObject().Remove("response");
        (await server.Anyone.PostAsync("register", body.DeepClone())).Is(400, "M_BAD_JSON");
        body["auth"]!["response"] = "right";
        Assert.That(
            (await server.Anyone.PostAsync("register", body.DeepClone())).Is(401).Json["completed"]!.ToJsonString(),
            Is.EqualTo("""["m.login.recaptcha"]"""));
        Assert.That(stub.Secret, Is.EqualTo("secret-key"));

        var page = await new TestBrowser(server).OpensAsync(OAuthActions.Root + "sign-up");
        Assert.That(page.Text, Does.Contain("data-sitekey=\"site-key\"").And.Not.Contain("secret-key"));
        Assert.That(
            page.Headers.GetValues("Content-Security-Policy").Single(),
            Does.Match("script-src ('sha256-[^']+' )?https://www.google.com https://www.gstatic.com; ")
                .And.Contain("frame-src https://www.google.com "));
    }

    /// <summary>What says whether a captcha was solved.</summary>
    private sealed class CaptchaStub(WebPages pages) : IAsyncDisposable
    {
        private readonly WebPages _pages = pages;

        internal string Url => _pages.Url + "/verify";

        internal string? Secret { get; private set; }

        internal static async Task<CaptchaStub> StartAsync()
        {
            var stub = new CaptchaStub(await WebPages.StartAsync());
            stub._pages.Pages["/verify"] = stub.VerifyAsync;
            return stub;
        }

        public ValueTask DisposeAsync() => _pages.DisposeAsync();

        private async Task VerifyAsync(HttpContext http)
        {
            var form = await http.Request.ReadFormAsync();
            Secret = form["secret"];
            var right = form["response"] == "right" ? "true" : "false";
            await http.Response.WriteAsync($$"""{"success":{{right}}}""");
        }
    }
}
