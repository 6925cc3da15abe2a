namespace Matrix.Host.Tests.OAuth;

/// <summary>The device authorization flow.</summary>
internal sealed class DeviceGrantTests
{
    private const string Link = OAuthActions.Root + "link";
    private const string Scope = $"{OAuthActions.Api} urn:matrix:client:device:TELEVISION";

    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestBrowser _browser = null!;
    private string _client = null!;

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

    [Test]
    public async Task A_device_waits_until_the_user_confirms_its_code_and_then_has_tokens_once()
    {
        var begun = await BeginAsync();
        Assert.That(begun.Member("user_code"), Does.Match("^[B-Z]{4}-[B-Z]{4}$"));
        Assert.That(begun.Member("verification_uri"), Is.EqualTo(OAuthActions.BaseUrl + Link));
        Assert.That((int)begun.Json["interval"]!, Is.EqualTo(5));
        Assert.That((int)begun.Json["expires_in"]!, Is.EqualTo(900));
        (await PollAsync(begun)).IsError(400, "authorization_pending");

        // A link with the code decides nothing.
        var complete = begun.Member("verification_uri_complete")[OAuthActions.BaseUrl.Length..];
        await _browser.OpensAsync(complete);
        Assert.That(_browser.Page.Text, Does.Contain(begun.Member("user_code")));
        _server.Ahead += TimeSpan.FromSeconds(6);
        (await PollAsync(begun)).IsError(400, "authorization_pending");

        var confirm = await _browser.SubmitsAsync(Link, ("user_code", begun.Member("user_code")));
        Assert.That(confirm.Text, Does.Contain("TELEVISION").And.Contain("My App").And.Contain("not verified"));
        _server.Ahead += TimeSpan.FromSeconds(6);
        (await PollAsync(begun)).IsError(400, "authorization_pending");

        await _browser.SubmitsAsync(Link, ("user_code", begun.Member("user_code")), ("decision", "allow"));
        Assert.That(_browser.Page.Text, Does.Contain("The device is signed in"));
        _server.Ahead += TimeSpan.FromSeconds(6);
        var tokens = (await PollAsync(begun)).Is(200);
        Assert.That(tokens.Member("scope"), Is.EqualTo(Scope));
        var device = new TestClient(_server, tokens.Member("access_token"));
        Assert.That((await device.GetAsync("account/whoami")).Is(200).Member("device_id"), Is.EqualTo("TELEVISION"));
        (await _server.RefreshesAsync(_client, tokens.Member("refresh_token"))).Is(200);

        (await PollAsync(begun)).IsError(400, "invalid_grant");
        (await device.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task A_device_that_asks_too_often_is_told_to_slow_down()
    {
        var begun = await BeginAsync();
        (await PollAsync(begun)).IsError(400, "authorization_pending");
        (await PollAsync(begun)).IsError(400, "slow_down");
        _server.Ahead += TimeSpan.FromSeconds(6);
        (await PollAsync(begun)).IsError(400, "authorization_pending");
    }

    [Test]
    public async Task A_user_who_says_no_ends_it()
    {
        var begun = await BeginAsync();
        await DecideAsync(begun, "deny");
        (await PollAsync(begun)).IsError(400, "access_denied");
        await DecideAsync(begun, "allow");
        Assert.That(_browser.Page.Status, Is.EqualTo(404), "The decision stands.");
    }

    [Test]
    public async Task Codes_expire()
    {
        var begun = await BeginAsync();
        _server.Ahead = TimeSpan.FromMinutes(15.1);
        (await PollAsync(begun)).IsError(400, "expired_token");
        await DecideAsync(begun, "allow");
        Assert.That(_browser.Page.Status, Is.EqualTo(404));
    }

    [Test]
    public async Task A_device_code_is_its_clients_and_the_scope_must_be_right()
    {
        var other = await _server.RegistersClientAsync(OAuthActions.Metadata("https://example.com/other"));
        var begun = await BeginAsync();
        (await _server.Anyone.FormAsync(
            OAuthActions.Root + "token", ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", other), ("device_code", begun.Member("device_code")))).IsError(400, "invalid_grant");
        (await _server.Anyone.FormAsync(OAuthActions.Root + "device", ("client_id", _client), ("scope", "openid")))
            .IsError(400, "invalid_scope");
        (await _server.Anyone.FormAsync(OAuthActions.Root + "device", ("client_id", "unknown"), ("scope", Scope)))
            .IsError(401, "invalid_client");
    }

    [Test]
    public async Task Codes_can_be_typed_in_any_way_and_only_by_a_signed_in_user_who_does_not_guess()
    {
        var begun = await BeginAsync();
        var stranger = new TestBrowser(_server);
        await stranger.OpensAsync($"{Link}?user_code={begun.Member("user_code")}");
        Assert.That(stranger.Location, Does.StartWith(OAuthActions.Root + "sign-in?continue="));
        await stranger.OpensAsync(OAuthActions.Root + "sign-in");
        await stranger.SubmitsAsync(Link, ("user_code", begun.Member("user_code")), ("decision", "allow"));
        Assert.That(stranger.Page.Status, Is.EqualTo(303));
        (await PollAsync(begun)).IsError(400, "authorization_pending");

        await _browser.OpensAsync(Link);
        var spelled = begun.Member("user_code").ToLowerInvariant().Replace('-', ' ');
        Assert.That((await _browser.SubmitsAsync(Link, ("user_code", spelled))).Status, Is.EqualTo(200));

        await _server.RestartAsync(("rate_limits.enabled", "true"), ("rate_limits.user_codes_burst", "3"));
        _browser = await TestBrowser.SignedInAsync(_server, _alice);
        await _browser.OpensAsync(Link);
        for (var i = 0; i < 3; i++)
        {
            Assert.That((await _browser.SubmitsAsync(Link, ("user_code", "BBBB-BBBB"))).Status, Is.EqualTo(404));
        }

        Assert.That(
            (await _browser.SubmitsAsync(Link, ("user_code", begun.Member("user_code")))).Status, Is.EqualTo(429));
    }

    [TestCase("oauth.device_codes")]
    [TestCase("oauth.device_codes_of_address")]
    public async Task Waiting_devices_are_bounded_in_all_and_by_address(string bound)
    {
        await _server.RestartAsync((bound, "10"));
        for (var i = 0; i < 10; i++) await BeginAsync();
        (await _server.Anyone.FormAsync(OAuthActions.Root + "device", ("client_id", _client), ("scope", Scope)))
            .IsError(503, "temporarily_unavailable");
    }

    private async Task<Reply> BeginAsync() => (await _server.Anyone.FormAsync(
        OAuthActions.Root + "device", ("client_id", _client), ("scope", Scope + " openid"))).Is(200);

    private Task<Reply> PollAsync(Reply begun) => _server.Anyone.FormAsync(
        OAuthActions.Root + "token", ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("client_id", _client), ("device_code", begun.Member("device_code")));

    private async Task DecideAsync(Reply begun, string decision)
    {
        await _browser.OpensAsync(Link);
        await _browser.SubmitsAsync(Link, ("user_code", begun.Member("user_code")), ("decision", decision));
    }
}
