using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.OAuth;

/// <summary>Refresh, revocation, and what a session of OAuth may do.</summary>
internal sealed class SessionTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestBrowser _browser = null!;
    private string _client = null!;
    private Reply _tokens = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await OAuthActions.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _client = await _server.RegistersClientAsync();
        _browser = await TestBrowser.SignedInAsync(_server, _alice);
        _tokens = await _server.SignsInAsync(_alice, new Authorization(_client, "DEVICE0001"), _browser);
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_refresh_whose_answer_is_lost_can_be_repeated_until_its_successor_is_used()
    {
        var old = _tokens.Member("refresh_token");
        (await _server.RefreshesAsync(_client, old)).Is(200);
        var fresh = (await _server.RefreshesAsync(_client, old)).Is(200);
        Assert.That(fresh.Member("scope"), Is.EqualTo(_tokens.Member("scope")));
        Assert.That(
            (await Of(_tokens).GetAsync("account/whoami")).Status, Is.EqualTo(200), "The old pair still works.");

        (await Of(fresh).GetAsync("account/whoami")).Is(200);
        (await Of(_tokens).GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");

        // Its reuse after that means that two have it.
        (await _server.RefreshesAsync(_client, old)).IsError(400, "invalid_grant");
        (await Of(fresh).GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await _server.RefreshesAsync(_client, fresh.Member("refresh_token"))).IsError(400, "invalid_grant");
        Assert.That((await _alice.GetAsync("devices")).Text, Does.Not.Contain("DEVICE0001"));
    }

    [Test]
    public async Task A_refresh_token_that_is_two_uses_old_ends_the_session_too()
    {
        var first = _tokens.Member("refresh_token");
        var second = (await _server.RefreshesAsync(_client, first)).Is(200).Member("refresh_token");
        var third = (await _server.RefreshesAsync(_client, second)).Is(200);
        (await _server.RefreshesAsync(_client, first)).IsError(400, "invalid_grant");
        (await Of(third).GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task Refresh_tokens_are_of_one_client_and_one_API()
    {
        var other = await _server.RegistersClientAsync(OAuthActions.Metadata("https://example.com/other"));
        var token = _tokens.Member("refresh_token");
        (await _server.RefreshesAsync(other, token)).IsError(400, "invalid_grant");
        (await _server.RefreshesAsync("unknown", token)).IsError(401, "invalid_client");
        (await _server.RefreshesAsync(_client, _tokens.Member("access_token"))).IsError(400, "invalid_grant");
        (await _server.Anyone.PostAsync("refresh", new JsonObject { ["refresh_token"] = token }))
            .Is(401, "M_UNKNOWN_TOKEN");
        var legacy = await _server.Anyone.PostAsync("login", new JsonObject
        {
            ["type"] = "m.login.password",
            ["user"] = "alice",
            ["password"] = _alice.Password,
            ["refresh_token"] = true,
        });
        (await _server.RefreshesAsync(_client, legacy.Is(200).Member("refresh_token"))).IsError(400, "invalid_grant");
        (await _server.RefreshesAsync(_client, token)).Is(200);
    }

    [Test]
    public async Task An_expired_access_token_is_a_soft_logout_and_its_refresh_token_works()
    {
        _server.Ahead = TimeSpan.FromHours(2);
        var expired = (await Of(_tokens).GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        Assert.That((bool?)expired.Json["soft_logout"], Is.True);
        (await _server.RefreshesAsync(_client, _tokens.Member("refresh_token"))).Is(200);
    }

    [TestCase("access_token")]
    [TestCase("refresh_token")]
    public async Task Revoking_either_token_ends_the_session_and_its_device(string kind)
    {
        var revoked = await RevokeAsync(("token", _tokens.Member(kind)), ("token_type_hint", kind));
        Assert.That(revoked.Status, Is.EqualTo(200));
        (await Of(_tokens).GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        (await _server.RefreshesAsync(_client, _tokens.Member("refresh_token"))).IsError(400, "invalid_grant");
        Assert.That((await _alice.GetAsync("devices")).Text, Does.Not.Contain("DEVICE0001"));
        (await RevokeAsync(("token", _tokens.Member(kind)), ("client_id", "another"))).Is(200);
    }

    [Test]
    public async Task Revoking_an_unknown_or_legacy_token_succeeds_and_ends_nothing()
    {
        (await RevokeAsync(("token", "unknown"))).Is(200);
        (await RevokeAsync(("token", _alice.Token!))).Is(200);
        (await _alice.GetAsync("account/whoami")).Is(200);
        (await RevokeAsync(("token_type_hint", "access_token"))).IsError(400, "invalid_request");
        (await RevokeAsync(("token", "a"), ("token", "b"))).IsError(400, "invalid_request");
        (await Of(_tokens).GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task Endpoints_with_interactive_authentication_do_not_know_a_session_of_OAuth()
    {
        var session = Of(_tokens);
        (await session.PostAsync("account/password", new JsonObject { ["new_password"] = "another password" }))
            .Is(404, "M_UNRECOGNIZED");
        (await session.PostAsync("account/deactivate")).Is(404, "M_UNRECOGNIZED");
        (await session.DeleteAsync("devices/DEVICE0001", new JsonObject())).Is(404, "M_UNRECOGNIZED");
        (await session.PostAsync("delete_devices", new JsonObject { ["devices"] = new JsonArray("DEVICE0001") }))
            .Is(404, "M_UNRECOGNIZED");
        (await session.PostAsync("/_matrix/client/v1/login/get_token")).Is(404, "M_UNRECOGNIZED");

        var capabilities = (await session.GetAsync("capabilities")).Is(200).Json["capabilities"]!;
        foreach (var off in new[] { "m.change_password", "m.3pid_changes", "m.get_login_token" })
        {
            Assert.That((bool?)capabilities[off]!["enabled"], Is.False, off);
        }

        var legacy = (await _alice.GetAsync("capabilities")).Is(200).Json["capabilities"]!;
        Assert.That((bool?)legacy["m.change_password"]!["enabled"], Is.True);
    }

    [Test]
    public async Task Other_cross_signing_keys_need_a_confirmation_on_the_account_page()
    {
        const string path = "keys/device_signing/upload";
        var session = Of(_tokens);
        (await session.PostAsync(path, new Identity(_alice.UserId).Upload())).Is(200);

        var other = new Identity(_alice.UserId).Upload();
        var asked = await session.PostAsync(path, other.DeepClone());
        Assert.That(asked.Status, Is.EqualTo(401), asked.Text);
        Assert.That(
            asked.Json["flows"]!.ToJsonString(),
            Is.EqualTo("""[{"stages":["m.oauth"]},{"stages":["org.matrix.cross_signing_reset"]}]"""));
        var url = (string?)asked.Json["params"]!["m.oauth"]!["url"];
        Assert.That(
            url,
            Is.EqualTo($"{OAuthActions.BaseUrl}{OAuthActions.Root}account?action=org.matrix.cross_signing_reset"));
        Assert.That((string?)asked.Json["params"]!["org.matrix.cross_signing_reset"]!["url"], Is.EqualTo(url));

        other["auth"] = new JsonObject { ["session"] = asked.Member("session") };
        (await session.PostAsync(path, other.DeepClone())).Is(401, "M_FORBIDDEN");
        await ConfirmAsync("wrong password");
        Assert.That(_browser.Page.Status, Is.EqualTo(403));
        (await session.PostAsync(path, other.DeepClone())).Is(401, "M_FORBIDDEN");
        await ConfirmAsync(_alice.Password);
        Assert.That(_browser.Page.Status, Is.EqualTo(200));
        (await session.PostAsync(path, other.DeepClone())).Is(200);

        // One confirmation is for one replacement, and for a time.
        var third = new Identity(_alice.UserId).Upload();
        asked = await session.PostAsync(path, third.DeepClone());
        third["auth"] = new JsonObject { ["session"] = asked.Member("session") };
        (await session.PostAsync(path, third.DeepClone())).Is(401, "M_FORBIDDEN");
        await ConfirmAsync(_alice.Password);
        _server.Ahead = TimeSpan.FromMinutes(11);
        (await session.PostAsync(path, third.DeepClone())).Is(401, "M_FORBIDDEN");

        async Task ConfirmAsync(string password)
        {
            var page = url![OAuthActions.BaseUrl.Length..];
            await _browser.OpensAsync(page);
            await _browser.SubmitsAsync(page, ("password", password));
        }
    }

    private TestClient Of(Reply tokens) => new(_server, tokens.Member("access_token"));

    private Task<Reply> RevokeAsync(params (string, string)[] fields) =>
        _server.Anyone.FormAsync(OAuthActions.Root + "revoke", fields);
}
