using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.OAuth;

/// <summary>Metadata of the server, and registration of clients.</summary>
internal sealed class ClientTests
{
    private TestServer _server = null!;

    [SetUp]
    public async Task StartAsync() => _server = await OAuthActions.StartAsync(("oauth.clients", "10"));

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task The_metadata_names_the_endpoints_by_both_paths_and_pages_may_read_it()
    {
        var stable = (await _server.Anyone.GetAsync("/_matrix/client/v1/auth_metadata")).Is(200);
        var unstable = await _server.Anyone.GetAsync(
            "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata");
        Assert.That(unstable.Is(200).Text, Is.EqualTo(stable.Text));
        Assert.That(stable.Member("issuer"), Is.EqualTo(OAuthActions.Issuer));
        foreach (var name in new[]
        {
            "authorization_endpoint", "token_endpoint", "revocation_endpoint", "registration_endpoint",
            "device_authorization_endpoint", "account_management_uri",
        })
        {
            Assert.That(stable.Member(name), Does.StartWith(OAuthActions.BaseUrl + OAuthActions.Root));
        }

        Assert.That(stable.Json["prompt_values_supported"]!.ToJsonString(), Is.EqualTo("""["create"]"""));
        Assert.That(stable.Json["jwks_uri"], Is.Null);
        Assert.That(stable.Headers.GetValues("Access-Control-Allow-Origin"), Is.EqualTo(new[] { "*" }));
    }

    [TestCase("public_base_url", "http://matrix.example.org", 404)]
    [TestCase("public_base_url", "", 404)]
    [TestCase("oauth.enabled", "false", 404)]
    [TestCase("public_base_url", "https://matrix.example.org/matrix", 200)]
    public async Task Without_a_safe_public_URL_or_by_a_setting_the_API_is_not_there(
        string key, string value, int status)
    {
        await _server.RestartAsync((key, value));
        var metadata = await _server.Anyone.GetAsync("/_matrix/client/v1/auth_metadata");
        Assert.That(metadata.Status, Is.EqualTo(status));
        if (status == 404)
        {
            metadata.Is(404, "M_UNRECOGNIZED");
            (await _server.Anyone.PostAsync(OAuthActions.Root + "clients", OAuthActions.Metadata()))
                .Is(404, "M_UNRECOGNIZED");
        }
        else
        {
            Assert.That(
                metadata.Member("token_endpoint"),
                Is.EqualTo("https://matrix.example.org/matrix/_matrix/oauth2/token"));
        }
    }

    [Test]
    public async Task The_same_metadata_gives_the_same_client_and_what_is_unknown_is_left_out()
    {
        var metadata = OAuthActions.Metadata();
        metadata["client_name#fr"] = "Mon application";
        metadata["grant_types"]!.AsArray().Add("urn:ietf:params:oauth:grant-type:token-exchange");
        var first = (await _server.Anyone.PostAsync(OAuthActions.Root + "clients", metadata)).Is(201);
        var second = await _server.Anyone.PostAsync(OAuthActions.Root + "clients", OAuthActions.Metadata());

        Assert.That(second.Is(201).Member("client_id"), Is.EqualTo(first.Member("client_id")));
        Assert.That(first.Json["client_name#fr"], Is.Null);
        Assert.That(first.Json["grant_types"]!.AsArray().Select(g => (string?)g), Is.EqualTo(new[]
        {
            "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code",
        }));
        Assert.That(first.Member("token_endpoint_auth_method"), Is.EqualTo("none"));
        Assert.That(first.Headers.CacheControl!.NoStore, Is.True);
        Assert.That(first.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [TestCase("client_uri", null)]
    [TestCase("client_uri", "\"http://example.com/\"")]
    [TestCase("client_uri", "\"https://me@example.com/\"")]
    [TestCase("client_uri", "5")]
    [TestCase("logo_uri", "\"https://evil.org/logo.png\"")]
    [TestCase("tos_uri", "\"http://example.com/tos\"")]
    [TestCase("policy_uri", "\"https://me@example.com/\"")]
    [TestCase("application_type", "\"desktop\"")]
    [TestCase("client_name", "\"\"")]
    [TestCase("client_name", "\"\\u3164\\u2800 \\u200b\"")]
    [TestCase("token_endpoint_auth_method", "\"client_secret_basic\"")]
    [TestCase("grant_types", "[\"implicit\"]")]
    [TestCase("grant_types", "[5]")]
    [TestCase("response_types", "[\"token\"]")]
    [TestCase("redirect_uris", "\"https://example.com/\"")]
    public async Task Metadata_that_the_specification_forbids_is_refused(string member, string? json)
    {
        var metadata = OAuthActions.Metadata();
        metadata[member] = json is null ? null : JsonNode.Parse(json);
        if (json is null) metadata.Remove(member);
        (await _server.Anyone.PostAsync(OAuthActions.Root + "clients", metadata))
            .IsError(400, "invalid_client_metadata");
    }

    [Test]
    public async Task Clients_are_bounded_and_those_without_a_session_are_forgotten()
    {
        var alice = await _server.RegistersAsync("alice");
        var used = await _server.RegistersClientAsync();
        await _server.SignsInAsync(alice, new Authorization(used, "DEVICE0001"));
        var (first, last) = ("", "");
        for (var i = 0; i < 12; i++)
        {
            // Those of one moment are equally old.
            _server.Ahead += TimeSpan.FromSeconds(1);
            last = await _server.RegistersClientAsync(OAuthActions.Metadata($"https://example.com/{i}"));
            if (i == 0) first = last;
        }

        var browser = new TestBrowser(_server);
        Assert.That(await IsKnownAsync(used, OAuthActions.Callback), "It has a session.");
        Assert.That(await IsKnownAsync(last, "https://example.com/11"), "It is new.");
        Assert.That(await IsKnownAsync(first, "https://example.com/0"), Is.False, "It is the oldest.");

        _server.Ahead = TimeSpan.FromDays(2);
        await _server.Services.GetRequiredService<Housekeeping>().TidyAsync(CancellationToken.None);
        Assert.That(await IsKnownAsync(used, OAuthActions.Callback));
        Assert.That(await IsKnownAsync(last, "https://example.com/11"), Is.False);

        async Task<bool> IsKnownAsync(string id, string uri) =>
            (await browser.OpensAsync(new Authorization(id, "DEVICE0001", uri).Path)).Status == 303;
    }

    [Test]
    public async Task A_client_that_did_not_register_again_is_forgotten_after_its_time()
    {
        var client = await _server.RegistersClientAsync();
        var path = new Authorization(client, "DEVICE0001").Path;
        _server.Ahead = TimeSpan.FromHours(23);
        await _server.Services.GetRequiredService<Housekeeping>().TidyAsync(CancellationToken.None);
        Assert.That((await new TestBrowser(_server).OpensAsync(path)).Status, Is.EqualTo(303));
        _server.Ahead = TimeSpan.FromHours(25);
        await _server.Services.GetRequiredService<Housekeeping>().TidyAsync(CancellationToken.None);
        Assert.That((await new TestBrowser(_server).OpensAsync(path)).Status, Is.EqualTo(400));
    }

    [Test]
    public async Task Registrations_from_one_address_are_limited()
    {
        await _server.RestartAsync(("rate_limits.enabled", "true"), ("rate_limits.oauth_clients_burst", "2"));
        await _server.RegistersClientAsync();
        await _server.RegistersClientAsync();
        (await _server.Anyone.PostAsync(OAuthActions.Root + "clients", OAuthActions.Metadata()))
            .Is(429, "M_LIMIT_EXCEEDED");
    }
}
