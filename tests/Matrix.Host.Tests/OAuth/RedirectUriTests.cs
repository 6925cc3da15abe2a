using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.OAuth;

/// <summary>The examples of "Redirect URI validation", and those that RFC 8252 and 9700 warn of.</summary>
internal sealed class RedirectUriTests
{
    private TestServer _server = null!;

    [OneTimeSetUp]
    public async Task StartAsync() => _server = await OAuthActions.StartAsync(("oauth.clients", "1000"));

    [OneTimeTearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [TestCase("web", "https://example.com/callback")]
    [TestCase("web", "https://app.example.com/callback")]
    [TestCase("web", "https://example.com:5173/?query=value")]
    [TestCase("native", "com.example.app:/callback")]
    [TestCase("native", "com.example:/")]
    [TestCase("native", "com.example:callback")]
    [TestCase("native", "http://localhost/callback")]
    [TestCase("native", "http://127.0.0.1/callback")]
    [TestCase("native", "http://[::1]/callback")]
    [TestCase("native", "https://app.example.com/callback")]
    public async Task A_valid_redirect_URI_is_registered(string type, string uri)
    {
        var registered = (await RegisterAsync(type, uri)).Is(201);
        Assert.That((string?)registered.Json["redirect_uris"]![0], Is.EqualTo(uri));
        Assert.That(registered.Member("application_type"), Is.EqualTo(type));
    }

    [TestCase("web", "https://example.com/callback#fragment")]
    [TestCase("web", "https://example.com/callback#")]
    [TestCase("web", "http://example.com/callback")]
    [TestCase("web", "http://localhost/")]
    [TestCase("web", "com.example.app:/callback")]
    [TestCase("web", "https://app.com/callback")]
    [TestCase("web", "https://badexample.com/callback")]
    [TestCase("web", "https://example.com.evil.org/callback")]
    [TestCase("web", "https://example.com@evil.org/callback")]
    [TestCase("web", "https://evil.org\\@example.com/callback")]
    [TestCase("web", "https://user@example.com/callback")]
    [TestCase("web", "https://example.com/call back")]
    [TestCase("web", "https://ex%61mple.com/callback")]
    [TestCase("web", "https://example.com:0/")]
    [TestCase("web", "https:callback")]
    [TestCase("web", "/callback")]
    [TestCase("web", "")]
    [TestCase("native", "example:/callback")]
    [TestCase("native", "com.example.app://callback")]
    [TestCase("native", "https://localhost/callback")]
    [TestCase("native", "http://localhost:1234/callback")]
    [TestCase("native", "http://user@localhost/callback")]
    [TestCase("native", "http://127.0.0.2/callback")]
    [TestCase("native", "http://localhost.evil.org/callback")]
    [TestCase("native", "com.exampleevil:/callback")]
    [TestCase("native", "javascript:alert(1)")]
    [TestCase("native", "com.example.app:/callback#f")]
    [TestCase("native", "com.example:")]
    public async Task An_invalid_redirect_URI_is_refused(string type, string uri) =>
        (await RegisterAsync(type, uri)).IsError(400, "invalid_redirect_uri");

    [TestCase("http://localhost/callback", "http://localhost:41234/callback", true)]
    [TestCase("http://127.0.0.1/callback", "http://127.0.0.1:1/callback", true)]
    [TestCase("http://[::1]/callback", "http://[::1]:65535/callback", true)]
    [TestCase("http://localhost/callback", "http://localhost/callback", true)]
    [TestCase("http://localhost/callback", "http://127.0.0.1:41234/callback", false)]
    [TestCase("http://localhost/callback", "http://localhost:41234/callback/more", false)]
    [TestCase("http://localhost/callback", "http://localhost:41234/callback?a=b", false)]
    [TestCase("http://localhost/callback", "http://localhost:41234@evil.org/callback", false)]
    [TestCase("https://example.com/callback", "https://example.com:8443/callback", false)]
    [TestCase("https://example.com/callback", "https://example.com/callback/", false)]
    [TestCase("https://example.com/callback", "https://EXAMPLE.com/callback", false)]
    [TestCase("https://example.com/callback", "https://example.com/callback?next=https://evil.org", false)]
    [TestCase("com.example.app:/callback", "com.example.app:/callback/../other", false)]
    public async Task An_authorization_names_a_registered_URI_exactly_with_any_port_on_the_loopback_interface(
        string registered, string named, bool accepted)
    {
        var client = (await RegisterAsync("native", registered)).Is(201).Member("client_id");
        var shown = await new TestBrowser(_server).OpensAsync(new Authorization(client, "DEVICE0001", named).Path);

        // An accepted request asks for the sign-in; any other is shown to the user, and never redirected.
        Assert.That(shown.Status, Is.EqualTo(accepted ? 303 : 400), shown.Text);
        if (accepted)
        {
            Assert.That(shown.Headers.Location!.OriginalString, Does.StartWith(OAuthActions.Root + "sign-in"));
        }
        else Assert.That(shown.Text, Does.Contain("cannot go on").And.Not.Match("href=\"(?!/\")"));
    }

    private Task<Reply> RegisterAsync(string type, string uri)
    {
        var metadata = OAuthActions.Metadata(uri);
        metadata["application_type"] = type;
        return _server.Anyone.PostAsync(OAuthActions.Root + "clients", metadata);
    }
}
