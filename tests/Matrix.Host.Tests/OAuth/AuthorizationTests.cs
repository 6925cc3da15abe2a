namespace Matrix.Host.Tests.OAuth;

/// <summary>The authorization code flow, with what RFC 9700 warns of.</summary>
internal sealed class AuthorizationTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestBrowser _browser = null!;
    private string _client = null!;

    private Authorization Asked => new(_client, "DEVICE0001");

    [SetUp]
    public async Task StartAsync()
    {
        _server = await OAuthActions.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _client = await _server.RegistersClientAsync();
        _browser = await TestBrowser.SignedInAsync(_server, _alice);
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [TestCase(null, '?')]
    [TestCase("query", '?')]
    [TestCase("fragment", '#')]
    public async Task A_user_who_allows_it_leads_to_a_code_with_state_and_issuer_and_the_code_to_tokens(
        string? mode, char separator)
    {
        var asked = Asked with { Mode = mode };
        var answer = await _browser.AllowsAsync(asked);
        Assert.That(_browser.Location![OAuthActions.Callback.Length], Is.EqualTo(separator));
        Assert.That(answer["state"], Is.EqualTo("s &t"));
        Assert.That(answer["iss"], Is.EqualTo(OAuthActions.Issuer));

        var tokens = (await _server.ExchangesAsync(asked, answer["code"]!)).Is(200);
        Assert.That(tokens.Member("token_type"), Is.EqualTo("Bearer"));
        Assert.That((int)tokens.Json["expires_in"]!, Is.EqualTo(3600));
        Assert.That(tokens.Member("scope"), Is.EqualTo($"{OAuthActions.Api} urn:matrix:client:device:DEVICE0001"));
        Assert.That(tokens.Headers.CacheControl!.NoStore, Is.True);
        var me = await new TestClient(_server, tokens.Member("access_token")).GetAsync("account/whoami");
        Assert.That(me.Is(200).Member("user_id"), Is.EqualTo(_alice.UserId));
        Assert.That(me.Member("device_id"), Is.EqualTo("DEVICE0001"));
    }

    [Test]
    public async Task Unknown_scopes_are_left_out_and_the_older_names_stay()
    {
        var scope = "openid urn:matrix:org.matrix.msc2967.client:api:* "
            + "urn:matrix:org.matrix.msc2967.client:device:DEVICE0002 urn:matrix:client:other profile";
        var tokens = await _server.SignsInAsync(_alice, Asked with { Scope = scope }, _browser);
        Assert.That(tokens.Member("scope"), Is.EqualTo(
            "urn:matrix:org.matrix.msc2967.client:api:* urn:matrix:org.matrix.msc2967.client:device:DEVICE0002"));
        Assert.That(tokens.Json["id_token"], Is.Null);
    }

    [TestCase("urn:matrix:client:device:DEVICE0001")]
    [TestCase("urn:matrix:client:api:*")]
    [TestCase("urn:matrix:client:api:* urn:matrix:client:device:A urn:matrix:client:device:B")]
    [TestCase("urn:matrix:client:api:* urn:matrix:client:device:")]
    [TestCase("urn:matrix:client:api:* urn:matrix:client:device:\u00e9")]
    [TestCase("openid")]
    public async Task A_scope_that_is_not_full_access_as_one_device_is_an_error_for_the_client(string scope)
    {
        var answer = ErrorIn(await _browser.OpensAsync((Asked with { Scope = scope }).Path));
        Assert.That((answer["error"], answer["state"], answer["iss"]),
            Is.EqualTo(("invalid_scope", "s &t", OAuthActions.Issuer)));
    }

    [TestCase("code_challenge_method=S256", "code_challenge_method=plain", "invalid_request")]
    [TestCase("&code_challenge_method=S256", "", "invalid_request")]
    [TestCase("&code_challenge=", "&code_challenge_is=", "invalid_request")]
    [TestCase("&code_challenge=", "&code_challenge=x", "invalid_request")]
    [TestCase("response_type=code", "response_type=token", "unsupported_response_type")]
    [TestCase("&response_type=code", "", "invalid_request")]
    [TestCase("&state=", "&response_mode=form_post&state=", "invalid_request")]
    [TestCase("&state=", "&prompt=none&state=", "interaction_required")]
    [TestCase("&state=", "&request=a.b.c&state=", "request_not_supported")]
    [TestCase("&state=", "&request_uri=https%3A%2F%2Fevil.org&state=", "request_uri_not_supported")]
    [TestCase("&response_type=code", "&response_type=code&response_type=code", "invalid_request")]
    public async Task A_mistake_in_the_request_is_a_page_with_a_link_signed_in_or_not(
        string part, string instead, string error)
    {
        var path = Asked.Path.Replace(part, instead, StringComparison.Ordinal);

        // Nobody is led from this server to another one by a link alone.
        foreach (var browser in new[] { _browser, new TestBrowser(_server) })
        {
            var page = await browser.OpensAsync(path);
            Assert.That(page.Text, Does.Contain("Go back to app.example.com"));
            var answer = ErrorIn(page);
            Assert.That((answer["error"], answer["iss"]), Is.EqualTo((error, OAuthActions.Issuer)));
            Assert.That(answer["code"], Is.Null);
        }
    }

    [TestCase("client_id=", "client_id=x")]
    [TestCase("client_id=", "client_is=")]
    [TestCase("&state=", "&client_id=x&state=")]
    [TestCase("&state=", "&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback&state=")]
    [TestCase("redirect_uri=https", "redirect_uri=https%3A%2F%2Fevil.org&was=https")]
    [TestCase("redirect_uri=https", "was=https")]
    public async Task Without_a_known_client_and_its_redirect_URI_the_user_sees_a_page_and_no_link(
        string part, string instead)
    {
        var path = Asked.Path.Replace(part, instead, StringComparison.Ordinal);
        var shown = await _browser.OpensAsync(path);
        Assert.That(shown.Status, Is.EqualTo(400), shown.Text);
        Assert.That(shown.Text, Does.Contain("cannot go on").And.Not.Match("href=\"(?!/\")"));
        await _browser.OpensAsync(OAuthActions.Root + "account");
        Assert.That((await _browser.SubmitsAsync(path, ("decision", "allow"))).Status, Is.EqualTo(400));
    }

    [Test]
    public async Task A_user_who_does_not_allow_it_leads_to_an_error_and_no_code()
    {
        var answer = await _browser.AllowsAsync(Asked, "deny");
        Assert.That((answer["error"], answer["code"], answer["iss"]),
            Is.EqualTo(("access_denied", (string?)null, OAuthActions.Issuer)));
    }

    [Test]
    public async Task A_code_is_used_once_and_its_replay_ends_the_session()
    {
        var code = (await _browser.AllowsAsync(Asked))["code"]!;
        var asked = new Authorization(_client, "DEVICE0001");
        (await _server.ExchangesAsync(asked, code)).IsError(400, "invalid_grant");

        var right = Asked;
        code = (await _browser.AllowsAsync(right))["code"]!;
        var tokens = (await _server.ExchangesAsync(right, code)).Is(200);
        var client = new TestClient(_server, tokens.Member("access_token"));
        (await client.GetAsync("account/whoami")).Is(200);
        (await _server.ExchangesAsync(right, code)).IsError(400, "invalid_grant");
        (await client.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await _server.RefreshesAsync(_client, tokens.Member("refresh_token"))).IsError(400, "invalid_grant");
        Assert.That(
            (await _alice.GetAsync("devices")).Text, Does.Not.Contain("DEVICE0001"), "The device has ended too.");
        (await _alice.GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task A_code_used_twice_at_once_leaves_no_session()
    {
        var asked = Asked;
        var code = (await _browser.AllowsAsync(asked))["code"]!;
        var replies = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => _server.ExchangesAsync(asked, code)));
        Assert.That(replies.Count(reply => reply.Status == 200), Is.EqualTo(1));
        var token = replies.Single(reply => reply.Status == 200).Member("access_token");
        (await new TestClient(_server, token).GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task A_code_is_of_its_client_redirect_URI_verifier_and_time_only()
    {
        var other = await _server.RegistersClientAsync(
            OAuthActions.Metadata(OAuthActions.Callback, "https://example.com/b"));
        var asked = Asked;
        var code = (await _browser.AllowsAsync(asked))["code"]!;
        foreach (var (name, value, status, error) in new[]
        {
            ("client_id", other, 400, "invalid_grant"),
            ("client_id", "unknown", 401, "invalid_client"),
            ("redirect_uri", "https://example.com/b", 400, "invalid_grant"),
            ("code_verifier", new string('x', 43), 400, "invalid_grant"),
            ("code_verifier", asked.Challenge, 400, "invalid_grant"),
            ("code", "made-up", 400, "invalid_grant"),
            ("grant_type", "password", 400, "unsupported_grant_type"),
        })
        {
            var fields = FieldsOf(asked, code).Select(f => f.Name == name ? (name, value) : f).ToArray();
            (await _server.Anyone.FormAsync(OAuthActions.Root + "token", fields)).IsError(status, error);
        }

        foreach (var missing in new[] { "code", "redirect_uri", "code_verifier", "grant_type" })
        {
            var fields = FieldsOf(asked, code).Where(f => f.Name != missing).ToArray();
            (await _server.Anyone.FormAsync(OAuthActions.Root + "token", fields)).IsError(400, "invalid_request");
        }

        var twice = FieldsOf(asked, code).Append(("code", code)).ToArray();
        (await _server.Anyone.FormAsync(OAuthActions.Root + "token", twice)).IsError(400, "invalid_request");
        (await _server.ExchangesAsync(asked, code)).Is(200);

        code = (await _browser.AllowsAsync(asked))["code"]!;
        _server.Ahead = TimeSpan.FromSeconds(61);
        (await _server.ExchangesAsync(asked, code)).IsError(400, "invalid_grant");
    }

    [Test]
    public async Task A_code_does_not_outlive_the_logout_of_all_devices()
    {
        var asked = Asked;
        var code = (await _browser.AllowsAsync(asked))["code"]!;
        (await _alice.PostAsync("logout/all")).Is(200);
        (await _server.ExchangesAsync(asked, code)).IsError(400, "invalid_grant");
    }

    [Test]
    public async Task Reusing_a_device_id_ends_the_other_sessions_of_that_device()
    {
        var legacy = await _alice.LogsInAsync("DEVICE0001");
        var asked = Asked;
        await _browser.OpensAsync(asked.Path);
        Assert.That(_browser.Page.Text, Does.Contain("You have this device already"));
        var first = await _server.SignsInAsync(_alice, asked, _browser);
        (await legacy.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");

        var again = Asked;
        var second = await _server.SignsInAsync(_alice, again, _browser);
        (await new TestClient(_server, first.Member("access_token")).GetAsync("account/whoami"))
            .Is(401, "M_UNKNOWN_TOKEN");
        (await _server.RefreshesAsync(_client, first.Member("refresh_token"))).IsError(400, "invalid_grant");
        (await new TestClient(_server, second.Member("access_token")).GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task A_grant_that_the_client_did_not_register_is_not_its()
    {
        var metadata = OAuthActions.Metadata();
        metadata["grant_types"] = new System.Text.Json.Nodes.JsonArray("authorization_code");
        var client = await _server.RegistersClientAsync(metadata);
        var tokens = await _server.SignsInAsync(_alice, new Authorization(client, "DEVICE0003"), _browser);
        (await _server.RefreshesAsync(client, tokens.Member("refresh_token"))).IsError(400, "unauthorized_client");
        (await _server.Anyone.FormAsync(
            OAuthActions.Root + "device", ("client_id", client), ("scope", Asked.Scope ?? "")))
            .IsError(400, "unauthorized_client");
    }

    /// <summary>The error for the client, in the link of a page.</summary>
    private static System.Collections.Specialized.NameValueCollection ErrorIn(Reply page)
    {
        Assert.That(page.Status, Is.EqualTo(400), page.Text);
        var link = System.Net.WebUtility.HtmlDecode(
            page.Text.Split("href=\"").First(part => part.StartsWith(OAuthActions.Callback, StringComparison.Ordinal))
                .Split('"')[0]);
        return System.Web.HttpUtility.ParseQueryString(link[(OAuthActions.Callback.Length + 1)..]);
    }

    private static (string Name, string Value)[] FieldsOf(Authorization asked, string code) =>
    [
        ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", asked.RedirectUri),
        ("client_id", asked.ClientId), ("code_verifier", asked.Verifier),
    ];
}
