using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Web;

namespace Matrix.Host.Tests.OAuth;

/// <summary>What a client of the OAuth 2.0 API does.</summary>
internal static class OAuthActions
{
    internal const string BaseUrl = "http://localhost:8008";
    internal const string Issuer = BaseUrl + "/";
    internal const string Root = "/_matrix/oauth2/";
    internal const string Callback = "https://app.example.com/callback";
    internal const string Api = "urn:matrix:client:api:*";

    /// <summary>A server with the API.</summary>
    internal static Task<TestServer> StartAsync(params (string Key, string Value)[] settings) =>
        TestServer.StartAsync([("public_base_url", BaseUrl), .. settings]);

    /// <summary>The metadata of a web client.</summary>
    internal static JsonObject Metadata(params string[] redirectUris) => new()
    {
        ["client_name"] = "My App",
        ["client_uri"] = "https://example.com/",
        ["redirect_uris"] = new JsonArray([.. (redirectUris.Length == 0 ? [Callback] : redirectUris)
            .Select(uri => (JsonNode)uri)]),
        ["token_endpoint_auth_method"] = "none",
        ["response_types"] = new JsonArray("code"),
        ["grant_types"] = new JsonArray(
            "authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"),
    };

    /// <summary>Registers a client; returns its id.</summary>
    internal static async Task<string> RegistersClientAsync(
        this TestServer server, JsonObject? metadata = null) =>
        (await server.Anyone.PostAsync(Root + "clients", metadata ?? Metadata())).Is(201).Member("client_id");

    /// <summary>Sends a form.</summary>
    internal static Task<Reply> FormAsync(
        this TestClient client, string path, params (string Name, string Value)[] fields) =>
        client.SendAsync(HttpMethod.Post, path, Form(fields));

    internal static FormUrlEncodedContent Form(params (string Name, string Value)[] fields) =>
        new(fields.Select(field => KeyValuePair.Create(field.Name, field.Value)));

    /// <summary>Fails unless the response is this error of OAuth.</summary>
    internal static Reply IsError(this Reply reply, int status, string error)
    {
        Assert.That((reply.Status, (string?)reply.Json["error"]), Is.EqualTo((status, error)), reply.Text);
        Assert.That(reply.Headers.CacheControl?.NoStore, Is.True);
        return reply;
    }

    /// <summary>Exchanges a code.</summary>
    internal static Task<Reply> ExchangesAsync(this TestServer server, Authorization asked, string code) =>
        server.Anyone.FormAsync(
            Root + "token", ("grant_type", "authorization_code"), ("code", code),
            ("redirect_uri", asked.RedirectUri), ("client_id", asked.ClientId), ("code_verifier", asked.Verifier));

    /// <summary>Uses a refresh token.</summary>
    internal static Task<Reply> RefreshesAsync(this TestServer server, string clientId, string token) =>
        server.Anyone.FormAsync(
            Root + "token", ("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", clientId));

    /// <summary>Signs a user in by a code, through the pages; returns the tokens.</summary>
    internal static async Task<Reply> SignsInAsync(
        this TestServer server, TestUser user, Authorization asked, TestBrowser? browser = null)
    {
        browser ??= await TestBrowser.SignedInAsync(server, user);
        var code = (await browser.AllowsAsync(asked))["code"]!;
        return (await server.ExchangesAsync(asked, code)).Is(200);
    }
}

/// <summary>An authorization request.</summary>
internal sealed record Authorization(string ClientId, string DeviceId, string RedirectUri = OAuthActions.Callback)
{
    public string Verifier { get; } = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));

    public string? Mode { get; init; }

    public string? Scope { get; init; }

    public string? More { get; init; }

    public string Challenge => Convert.ToBase64String(SHA256.HashData(Encoding.ASCII.GetBytes(Verifier)))
        .TrimEnd('=').Replace('+', '-').Replace('/', '_');

    public string Path
    {
        get
        {
            var scope = Scope ?? $"{OAuthActions.Api} urn:matrix:client:device:{DeviceId}";
            return $"{OAuthActions.Root}authorize?client_id={Uri.EscapeDataString(ClientId)}&response_type=code"
                + $"&redirect_uri={Uri.EscapeDataString(RedirectUri)}&scope={Uri.EscapeDataString(scope)}"
                + $"&state=s%20%26t&code_challenge={Challenge}&code_challenge_method=S256"
                + (Mode is null ? "" : $"&response_mode={Mode}") + More;
        }
    }
}

/// <summary>A browser on the server's pages: it keeps the cookie and sends forms as they are.</summary>
internal sealed partial class TestBrowser(TestServer server)
{
    public string? Cookie { get; set; }

    /// <summary>The last page.</summary>
    public Reply Page { get; private set; } = null!;

    public string? Location => Page.Headers.Location?.OriginalString;

    [GeneratedRegex("""name="form_token" value="([^"]+)""")]
    private static partial Regex TokenField();

    public static async Task<TestBrowser> SignedInAsync(TestServer server, TestUser user)
    {
        var browser = new TestBrowser(server);
        await browser.OpensAsync(OAuthActions.Root + "sign-in");
        await browser.SubmitsAsync(
            OAuthActions.Root + "sign-in", ("username", user.UserId), ("password", user.Password));
        Assert.That(browser.Page.Status, Is.EqualTo(303), browser.Page.Text);
        return browser;
    }

    public async Task<Reply> OpensAsync(string path)
    {
        Page = await server.Anyone.SendAsync(HttpMethod.Get, path, null, Headers());
        return Keep();
    }

    /// <summary>Sends a form with the token of the last page that had one.</summary>
    public Task<Reply> SubmitsAsync(string path, params (string Name, string Value)[] fields) =>
        PostsAsync(path, [("form_token", FormToken), .. fields]);

    public async Task<Reply> PostsAsync(string path, params (string Name, string Value)[] fields)
    {
        Page = await server.Anyone.SendAsync(HttpMethod.Post, path, OAuthActions.Form(fields), Headers());
        return Keep();
    }

    public string FormToken { get; private set; } = "";

    /// <summary>Allows an authorization; returns the parameters of the response.</summary>
    public async Task<System.Collections.Specialized.NameValueCollection> AllowsAsync(
        Authorization asked, string decision = "allow")
    {
        await OpensAsync(asked.Path);
        Assert.That(Page.Status, Is.EqualTo(200), Page.Text);
        await SubmitsAsync(asked.Path, ("decision", decision));
        return Answer(asked.RedirectUri);
    }

    /// <summary>The parameters of the response that the last page redirected to.</summary>
    public System.Collections.Specialized.NameValueCollection Answer(string redirectUri)
    {
        Assert.That(Page.Status, Is.EqualTo(303), Page.Text);
        Assert.That(Location, Does.StartWith(redirectUri));
        return HttpUtility.ParseQueryString(Location![(redirectUri.Length + 1)..]);
    }

    private (string, string)[] Headers() => Cookie is null ? [] : [("Cookie", Cookie)];

    private Reply Keep()
    {
        if (Page.Headers.TryGetValues("Set-Cookie", out var cookies)) Cookie = cookies.Last().Split(';')[0];
        if (TokenField().Match(Page.Text) is { Success: true } field) FormToken = field.Groups[1].Value;
        return Page;
    }
}
