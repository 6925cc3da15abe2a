using System.Diagnostics;
using System.Text.Json.Nodes;
using Matrix.Host.Api.Http;
using Matrix.Host.Crypto;
using Matrix.Host.Tests.OAuth;
using Matrix.Host.Tests.SingleSignOn;
using Matrix.Host.Tests.ThirdPartyIds;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Http;

/// <summary>Abuse that crosses modules, as `docs/security.md` lists it.</summary>
internal sealed class AbuseTests
{
    /// <summary>Forms whose link is the proof, so that they need no token, and the page that only redirects.</summary>
    private static readonly string[] _provedByLink =
        ["/_matrix/static/identifiers/confirm", "/_matrix/static/push/confirm", "/_matrix/static/push/unsubscribe"];

    private static Task<TestServer> LimitedAsync(params (string Key, string Value)[] settings) =>
        TestServer.StartAsync([("rate_limits.enabled", "true"), .. settings]);

    /// <summary>The routes of the pages of a server.</summary>
    private static Route[] PagesOf(TestServer server)
    {
        var routes = new ClientRoutes();
        foreach (var endpoints in server.Services.GetServices<IEndpoints>()) endpoints.Map(routes);
        return [.. routes.Collected.Where(static route => route.Options.IsPage)];
    }

    private static string PathOf(Route route) => route.Template
        .Replace("{authType}", "m.login.password", StringComparison.Ordinal);

    [Test]
    public async Task Every_page_refuses_the_forms_of_others_and_cannot_be_framed_or_sniffed()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var world = await AddressWorld.StartAsync(
            TestDatabase.Sqlite,
            ("sso.providers", $"[{provider.Config()}]"),
            ("sso.allow_networks", "127.0.0.1/32"),
            ("rate_limits.enabled", "false"));
        var alice = await world.Server.RegistersAsync("alice");
        var browser = await TestBrowser.SignedInAsync(world.Server, alice);
        var pages = PagesOf(world.Server);
        Assert.That(pages, Has.Length.GreaterThan(40));
        Assert.That(pages.Select(static page => page.Template), Has.Some.Contain("sign-up").And.Some.Contain("page/"));
        foreach (var page in pages)
        {
            var (path, where) = (PathOf(page), $"{page.Method} {page.Template}");
            if (page.Method == "HEAD") continue;
            if (page.Method == "GET")
            {
                IsNoOthers(await browser.OpensAsync(path), where);
                continue;
            }

            foreach (var origin in new[] { "https://evil.example", "null" })
            {
                var foreign = await world.Server.Anyone.SendAsync(
                    HttpMethod.Post,
                    path,
                    OAuthActions.Form(("form_token", browser.FormToken)),
                    ("Cookie", browser.Cookie!),
                    ("Origin", origin));
                Assert.That(foreign.Status, Is.EqualTo(403), $"{where} from {origin}");
            }

            if (_provedByLink.Contains(page.Template)) continue;
            foreach (var token in new[] { "", "made-up" })
            {
                await browser.PostsAsync(path, ("form_token", token), ("password", alice.Password));
                Assert.That(browser.Page.Status, Is.InRange(400, 499), $"{where} with the token '{token}'");
                IsNoOthers(browser.Page, where);
            }
        }

        (await alice.GetAsync("account/whoami")).Is(200);

        static void IsNoOthers(Reply reply, string where)
        {
            if (reply.ContentHeaders.ContentType?.MediaType != "text/html") return;
            var policy = reply.Headers.GetValues("Content-Security-Policy").Single();
            Assert.That(policy, Does.Contain("frame-ancestors 'none'").And.Contain("default-src 'none'"), where);
            Assert.That(reply.Headers.GetValues("X-Content-Type-Options").Single(), Is.EqualTo("nosniff"), where);
            Assert.That(reply.Headers.CacheControl?.NoStore, Is.True, where);
        }
    }

    [Test]
    public async Task Every_way_to_sign_in_begins_another_session_of_the_browser()
    {
        await using var provider = await TestProvider.StartAsync();
        await using var server = await SsoActions.StartAsync(provider.Config());
        var browser = new TestBrowser(server);
        const string signUp = OAuthActions.Root + "sign-up";
        await browser.OpensAsync(signUp);
        var before = browser.Cookie;
        await browser.SubmitsAsync(
            signUp, ("username", "bob"), ("password", "long enough"), ("password_again", "long enough"));
        Assert.That(browser.Page.Status, Is.EqualTo(303), browser.Page.Text);
        Assert.That(browser.Cookie, Is.Not.EqualTo(before));

        browser = new TestBrowser(server);
        await browser.OpensAsync(SsoActions.RedirectPath());
        before = browser.Cookie;
        await browser.OpensAsync(provider.SignsIn(browser.Location!, "s1", "carol"));
        Assert.That(browser.Page.Status, Is.EqualTo(303), browser.Page.Text);
        Assert.That(browser.Cookie, Is.Not.EqualTo(before));
    }

    [Test]
    public async Task Searches_of_directories_have_a_rate_of_their_own()
    {
        await using var server = await LimitedAsync(
            ("rate_limits.directories_per_second", "0.001"), ("rate_limits.directories_burst", "3"));
        var alice = await server.RegistersAsync("alice");
        var search = new JsonObject { ["search_term"] = "a" };
        (await alice.PostAsync("user_directory/search", search.DeepClone())).Is(200);
        (await alice.PostAsync("publicRooms")).Is(200);
        (await alice.GetAsync("publicRooms")).Is(200);
        (await alice.PostAsync("user_directory/search", search)).Is(429, "M_LIMIT_EXCEEDED");
        (await alice.GetAsync("publicRooms")).Is(429, "M_LIMIT_EXCEEDED");
        (await alice.GetAsync("account/whoami")).Is(200);
        for (var i = 0; i < 3; i++) (await server.Anyone.GetAsync("publicRooms")).Is(200);
        (await server.Anyone.GetAsync("publicRooms")).Is(429, "M_LIMIT_EXCEEDED");
    }

    [Test]
    public async Task Invites_of_one_user_are_limited_in_all_rooms_together()
    {
        await using var server = await LimitedAsync(
            ("rate_limits.membership_per_second", "0.001"), ("rate_limits.membership_burst", "4"));
        var alice = await server.RegistersAsync("alice");
        var bob = await server.RegistersAsync("bob");
        var answers = new List<int>();
        for (var i = 0; i < 3; i++)
        {
            var room = await alice.PostAsync("createRoom");
            answers.Add(room.Status);
            if (room.Status != 200) break;
            var invite = new JsonObject { ["user_id"] = bob.UserId };
            answers.Add((await alice.PostAsync($"rooms/{Uri.EscapeDataString(room.Member("room_id"))}/invite", invite))
                .Status);
        }

        Assert.That(answers, Is.EqualTo(new[] { 200, 200, 200, 200, 429 }));
    }

    [Test]
    public async Task Memberships_are_limited_however_they_are_changed()
    {
        await using var server = await LimitedAsync(
            ("rate_limits.membership_per_second", "0.001"),
            ("rate_limits.membership_burst", "4"));
        var bob = await server.RegistersAsync("bob");
        var invite = new JsonObject { ["membership"] = "invite" };
        var leave = new JsonObject { ["membership"] = "leave" };
        foreach (var (name, query) in new[] { ("alice", ""), ("carol", "?org.matrix.msc4140.delay=600000") })
        {
            var user = await server.RegistersAsync(name);
            var room = Uri.EscapeDataString((await user.PostAsync("createRoom")).Is(200).Member("room_id"));

            // The type of the event is percent-encoded too: the route does not tell it.
            foreach (var (type, content) in new[]
            {
                ("m.room.member", invite), ("m%2Eroom%2Emember", leave), ("m.room.member", invite),
            })
            {
                (await user.PutAsync($"rooms/{room}/state/{type}/{bob.UserId}{query}", content.DeepClone())).Is(200);
            }

            (await user.PutAsync($"rooms/{room}/state/m.room.member/{bob.UserId}{query}", leave.DeepClone()))
                .Is(429, "M_LIMIT_EXCEEDED");
            (await user.PostAsync($"rooms/{room}/leave")).Is(429, "M_LIMIT_EXCEEDED");
            (await user.PutAsync($"rooms/{room}/state/m.room.topic", new JsonObject { ["topic"] = "tea" })).Is(200);
        }
    }

    [Test]
    public async Task Each_invite_of_a_new_room_counts_as_one_of_another_room_does()
    {
        await using var server = await LimitedAsync(
            ("rate_limits.membership_per_second", "0.001"),
            ("rate_limits.membership_burst", "4"),
            ("rate_limits.registration_burst", "100"));
        var alice = await server.RegistersAsync("alice");
        var others = new List<string>();
        foreach (var name in new[] { "bob", "carol", "dora", "emil", "fritz" })
        {
            others.Add((await server.RegistersAsync(name)).UserId);
        }

        JsonObject Room(int invites) => new()
        {
            ["invite"] = new JsonArray([.. others.Take(invites).Select(static user => JsonValue.Create(user))]),
        };

        (await alice.PostAsync("createRoom", Room(2))).Is(200);
        (await alice.PostAsync("createRoom", Room(1))).Is(429, "M_LIMIT_EXCEEDED");

        // Who waited long enough may create a room with more invites than the burst.
        (await (await server.RegistersAsync("gerd")).PostAsync("createRoom", Room(5))).Is(200);
    }

    [Test]
    public async Task Names_and_avatars_that_rooms_show_are_limited_like_memberships()
    {
        await using var server = await LimitedAsync(
            ("rate_limits.membership_per_second", "0.001"), ("rate_limits.membership_burst", "3"));
        var alice = await server.RegistersAsync("alice");
        var profile = $"profile/{Uri.EscapeDataString(alice.UserId)}";
        JsonObject Named(string name) => new() { ["displayname"] = name };
        (await alice.PutAsync($"{profile}/displayname", Named("a"))).Is(200);
        (await alice.DeleteAsync($"{profile}/displayname")).Is(200);
        var avatar = new JsonObject { ["avatar_url"] = "mxc://localhost/a" };
        (await alice.PutAsync($"{profile}/avatar_url", avatar)).Is(200);
        (await alice.PutAsync($"{profile}/displayname", Named("b"))).Is(429, "M_LIMIT_EXCEEDED");
        (await alice.PutAsync($"{profile}/org.example.x", new JsonObject { ["org.example.x"] = 1 })).Is(200);
    }

    [Test]
    public async Task One_user_who_begins_many_confirmations_ends_nobody_elses()
    {
        await using var server = await TestServer.StartAsync(
            ("sessions.interactive_at_once", "10"), ("sessions.interactive_of_user", "3"));
        var (alice, mallory) = (await server.RegistersAsync("alice"), await server.RegistersAsync("mallory"));
        var path = $"devices/{(await alice.LogsInAsync()).DeviceId}";
        var session = await BeginsAsync(alice, path);
        var own = new List<string>();
        for (var i = 0; i < 20; i++) own.Add(await BeginsAsync(mallory, $"devices/{mallory.DeviceId}"));

        // Strangers have half of all together.
        var change = new JsonObject { ["new_password"] = "long enough" };
        for (var i = 0; i < 20; i++) (await server.Anyone.PostAsync("account/password", change.DeepClone())).Is(401);

        async Task<string> BeginsAsync(TestUser user, string device) =>
            (await user.DeleteAsync(device, new JsonObject())).Is(401).Member("session");

        async Task<Reply> GoesOnAsync(TestUser user, string device, string begun) =>
            await user.DeleteAsync(device, new JsonObject { ["auth"] = user.PasswordAuth(begun) });

        (await GoesOnAsync(alice, path, session)).Is(200);
        (await GoesOnAsync(mallory, $"devices/{mallory.DeviceId}", own[^4])).Is(401, "M_FORBIDDEN");
        (await GoesOnAsync(mallory, $"devices/{mallory.DeviceId}", own[^1])).Is(200);
    }

    [Test]
    public async Task One_user_who_signs_in_with_many_browsers_signs_nobody_else_out()
    {
        await using var server = await OAuthActions.StartAsync(
            ("oauth.sign_ins", "10"), ("oauth.sign_ins_of_user", "2"));
        var (alice, mallory) = (await server.RegistersAsync("alice"), await server.RegistersAsync("mallory"));
        var browser = await TestBrowser.SignedInAsync(server, alice);
        var own = new List<TestBrowser>();
        for (var i = 0; i < 11; i++) own.Add(await TestBrowser.SignedInAsync(server, mallory));
        Assert.That((await browser.OpensAsync(OAuthActions.Root + "account")).Text, Does.Contain(alice.UserId));
        Assert.That((await own[^1].OpensAsync(OAuthActions.Root + "account")).Text, Does.Contain(mallory.UserId));
        Assert.That((await own[^2].OpensAsync(OAuthActions.Root + "account")).Text, Does.Contain(mallory.UserId));
        await own[^3].OpensAsync(OAuthActions.Root + "account");
        Assert.That(own[^3].Location, Does.StartWith(OAuthActions.Root + "sign-in"));
    }

    [Test]
    public async Task Guesses_of_registration_tokens_in_browsers_are_counted_for_a_whole_network()
    {
        await using var server = await LimitedAsync(
            ("registration.requires_token", "true"),
            ("rate_limits.registration_per_second", "0.001"),
            ("rate_limits.registration_burst", "3"),
            ("rate_limits.login_burst", "100"),
            ("listeners.trust_forwarded_for", "true"));
        var body = new JsonObject { ["username"] = "bob", ["password"] = "long enough" };
        var session = (await server.Anyone.PostAsync("register", body)).Is(401).Member("session");
        var page = $"/_matrix/client/v3/auth/m.login.registration_token/fallback/web?session={session}";
        var browser = new TestBrowser(server);
        await browser.OpensAsync(page);
        var answers = new List<int>();
        for (var i = 1; i <= 4; i++)
        {
            answers.Add((await server.Anyone.SendAsync(
                HttpMethod.Post,
                page,
                OAuthActions.Form(("form_token", browser.FormToken), ("token", $"guess-{i}")),
                ("Cookie", browser.Cookie!),
                ("X-Forwarded-For", $"2001:db8::{i}"))).Status);
        }

        Assert.That(answers, Is.EqualTo(new[] { 403, 403, 403, 429 }));
    }

    [TestCase("a@mail.example\r\nBcc: victim@mail.example")]
    [TestCase("a@mail.example\nBcc: victim@mail.example")]
    [TestCase("a@mail.example,victim@mail.example")]
    [TestCase("\"a\r\n\"@mail.example")]
    public async Task An_address_makes_no_header_and_no_second_recipient(string address)
    {
        await using var world = await AddressWorld.StartAsync();
        foreach (var path in new[] { "register", "account/3pid", "account/password" })
        {
            (await world.Server.Anyone.PostAsync($"{path}/email/requestToken", AddressWorld.ByMail(address)))
                .Is(400, "M_INVALID_PARAM");
        }

        var browser = new TestBrowser(world.Server);
        const string page = "/_matrix/static/client/password";
        await browser.OpensAsync(page);
        await browser.SubmitsAsync(page, ("email_address", address), ("step", "email.send"));
        Assert.That(browser.Page.Status, Is.EqualTo(400));
    }

    [Test]
    public async Task A_target_of_a_redirect_makes_no_header()
    {
        await using var server = await OAuthActions.StartAsync();
        var alice = await server.RegistersAsync("alice");
        const string injected = "%0d%0aX-Injected:%20yes";
        var page = $"{OAuthActions.Root}sign-in?continue={OAuthActions.Root}account{injected}";
        var browser = new TestBrowser(server);
        await browser.OpensAsync(page);
        await browser.SubmitsAsync(page, ("username", "alice"), ("password", alice.Password));
        Assert.That(browser.Location, Is.EqualTo(OAuthActions.Root + "account"));
        Assert.That(browser.Page.Headers.Contains("X-Injected"), Is.False);

        var token = $"{OAuthActions.Root}login-token?redirectUrl=https://chat.example.org/{injected}";
        await browser.OpensAsync(token);
        await browser.SubmitsAsync(token);
        Assert.That(browser.Page.Headers.Contains("X-Injected"), Is.False);
        Assert.That(browser.Location ?? "", Does.Not.Contain("\n"));
    }

    [Test]
    public async Task A_password_of_nobody_takes_as_long_to_check_as_one_of_somebody()
    {
        using var hasher = new PasswordHasher(
            new PasswordHashCost { MemoryBytes = 32 << 20, Operations = 3, Concurrency = 1, Waiting = 1 });
        var hash = (await hasher.HashAsync("right", default, CancellationToken.None))!;
        var (known, nobody) = (new List<double>(), new List<double>());
        for (var i = 0; i < 9; i++)
        {
            known.Add(await TakesAsync(() => hasher.VerifyAsync(hash, "wrong", default, CancellationToken.None)));
            nobody.Add(await TakesAsync(() => hasher.VerifyNobodyAsync("wrong", default, CancellationToken.None)));
        }

        known.Sort();
        nobody.Sort();
        Assert.That(nobody[4] / known[4], Is.InRange(0.5, 2.0));

        static async Task<double> TakesAsync(Func<Task<bool?>> check)
        {
            var start = Stopwatch.GetTimestamp();
            Assert.That(await check(), Is.False);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }
    }
}
