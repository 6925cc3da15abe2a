using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Web;
using Matrix.Host.Tests.Network;
using Matrix.Host.Tests.OAuth;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Tests.SingleSignOn;

/// <summary>An identity provider with its own keys, which a test can make lie.</summary>
internal sealed class TestProvider : IAsyncDisposable
{
    private readonly WebPages _pages;
    private readonly Dictionary<string, (string Challenge, JsonObject Claims)> _codes = [];

    private TestProvider(WebPages pages) => _pages = pages;

    internal string Issuer => _pages.Url;

    internal RSA Key { get; private set; } = RSA.Create(2048);

    internal string KeyId { get; private set; } = "first";

    /// <summary>The published key and what signs, if the algorithm is ES256.</summary>
    internal ECDsa EllipticKey { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    /// <summary>Whether it takes the client's secret in the body only.</summary>
    internal bool TakesSecretInBody { get; set; }

    /// <summary>What signs, if not the published key.</summary>
    internal RSA? ForgedKey { get; set; }

    /// <summary>Changes the claims of the next ID tokens.</summary>
    internal Action<JsonObject> Changes { get; set; } = static _ => { };

    /// <summary>What the UserInfo endpoint says beside the subject.</summary>
    internal JsonObject UserInfo { get; set; } = new();

    internal int KeyReads { get; private set; }

    /// <summary>The codes that somebody wanted to exchange.</summary>
    internal System.Collections.Concurrent.ConcurrentQueue<string> Codes { get; } = new();

    internal string Algorithm { get; set; } = "RS256";

    internal HttpStatusCode? Fails { get; set; }

    internal static async Task<TestProvider> StartAsync()
    {
        var provider = new TestProvider(await WebPages.StartAsync());
        foreach (var path in Paths) provider._pages.Pages[path] = provider.ServeAsync;
        return provider;
    }

    /// <summary>The configuration of a server that has it.</summary>
    internal string Config(string id = "corp", string more = "") => $$"""
        {"id":"{{id}}","name":"Corp {{id}}","issuer":"{{Issuer}}","client_id":"matrix","client_secret":"s&cret"
        {{more}}}
        """;

    /// <summary>Another key, under another id.</summary>
    internal void Rotates() => (Key, KeyId) = (RSA.Create(2048), "second");

    /// <summary>
    /// A person signs in at the URL that a server led to; returns the path to which the browser comes back.
    /// </summary>
    internal string SignsIn(string authorizationUrl, string subject, string name, string? session = null)
    {
        var asked = HttpUtility.ParseQueryString(new Uri(authorizationUrl).Query);
        Assert.That(authorizationUrl, Does.StartWith(Issuer + "/authorize?"));
        Assert.That(asked["code_challenge_method"], Is.EqualTo("S256"));
        var code = Convert.ToHexString(RandomNumberGenerator.GetBytes(16));
        var claims = Claims(subject);
        claims["nonce"] = asked["nonce"];
        claims["preferred_username"] = name;
        claims["name"] = name.ToUpperInvariant();
        if (asked["max_age"] is not null) claims["auth_time"] = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        if (session is not null) claims["sid"] = session;
        Changes(claims);
        _codes[code] = (asked["code_challenge"]!, claims);
        var back = new Uri(asked["redirect_uri"]!);
        return $"{back.PathAndQuery}?code={code}&state={asked["state"]}";
    }

    internal string LogoutToken(Action<JsonObject> change)
    {
        var claims = new JsonObject
        {
            ["iss"] = Issuer,
            ["aud"] = "matrix",
            ["jti"] = Guid.NewGuid().ToString(),
            ["iat"] = Now,
            ["exp"] = Now + 60,
            ["events"] = new JsonObject { ["http://schemas.openid.net/event/backchannel-logout"] = new JsonObject() },
        };
        change(claims);
        return Sign(claims);
    }

    public async ValueTask DisposeAsync()
    {
        await _pages.DisposeAsync();
        Key.Dispose();
        EllipticKey.Dispose();
    }

    internal static long Now => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    internal string Sign(JsonObject claims)
    {
        var header = new JsonObject { ["alg"] = Algorithm, ["kid"] = KeyId, ["typ"] = "JWT" };
        var text = $"{Url(Encoding.UTF8.GetBytes(header.ToJsonString()))}."
            + Url(Encoding.UTF8.GetBytes(claims.ToJsonString()));
        var signature = Algorithm switch
        {
            "none" => "",
            "HS256" => Url(HMACSHA256.HashData(Key.ExportSubjectPublicKeyInfo(), Encoding.ASCII.GetBytes(text))),
            "ES256" => Url(EllipticKey.SignData(Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256)),
            _ => Url((ForgedKey ?? Key).SignData(
                Encoding.ASCII.GetBytes(text), HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)),
        };
        return $"{text}.{signature}";
    }

    private JsonObject Claims(string subject) => new()
    {
        ["iss"] = Issuer,
        ["aud"] = "matrix",
        ["sub"] = subject,
        ["iat"] = Now,
        ["exp"] = Now + 300,
    };

    private static IReadOnlyList<string> Paths { get; } =
        ["/.well-known/openid-configuration", "/keys", "/token", "/userinfo"];

    private async Task ServeAsync(HttpContext http)
    {
        using var reader = new StreamReader(http.Request.Body);
        var form = HttpUtility.ParseQueryString(await reader.ReadToEndAsync());
        var (status, body) = Answer(http.Request, form);
        http.Response.StatusCode = (int)(Fails ?? status);
        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync(body.ToJsonString());
    }

    private (HttpStatusCode Status, JsonObject Body) Answer(
        HttpRequest request, System.Collections.Specialized.NameValueCollection form)
    {
        switch (request.Path.Value)
        {
            case "/.well-known/openid-configuration":
                var metadata = new JsonObject
                {
                    ["issuer"] = Issuer,
                    ["authorization_endpoint"] = Issuer + "/authorize",
                    ["token_endpoint"] = Issuer + "/token",
                    ["jwks_uri"] = Issuer + "/keys",
                    ["userinfo_endpoint"] = Issuer + "/userinfo",
                };
                if (TakesSecretInBody)
                {
                    metadata["token_endpoint_auth_methods_supported"] = new JsonArray("client_secret_post");
                }

                return (HttpStatusCode.OK, metadata);
            case "/keys":
                KeyReads++;
                return (HttpStatusCode.OK, new JsonObject { ["keys"] = new JsonArray(PublicKey()) });
            case "/token":
                Codes.Enqueue(form["code"] ?? "");
                var secret = Convert.ToBase64String("matrix:s%26cret"u8);
                var proof = Url(SHA256.HashData(Encoding.ASCII.GetBytes(form["code_verifier"] ?? "")));
                var isClient = TakesSecretInBody
                    ? request.Headers.Authorization is [] && form["client_secret"] == "s&cret"
                    : request.Headers.Authorization == $"Basic {secret}" && form["client_secret"] is null;
                return isClient
                    && _codes.Remove(form["code"] ?? "", out var known)
                    && known.Challenge == proof
                    ? (HttpStatusCode.OK, new JsonObject
                    {
                        ["access_token"] = (string?)known.Claims["sub"],
                        ["token_type"] = "Bearer",
                        ["id_token"] = Sign(known.Claims),
                    })
                    : (HttpStatusCode.BadRequest, new JsonObject { ["error"] = "invalid_grant" });
            case "/userinfo":
                var info = (JsonObject)UserInfo.DeepClone();
                info["sub"] ??= request.Headers.Authorization.ToString()["Bearer ".Length..];
                return (HttpStatusCode.OK, info);
            default:
                return (HttpStatusCode.NotFound, new JsonObject());
        }
    }

    private JsonObject PublicKey()
    {
        var json = new JsonObject { ["use"] = "sig", ["kid"] = KeyId };
        if (Algorithm == "ES256")
        {
            var point = EllipticKey.ExportParameters(false).Q;
            (json["kty"], json["crv"], json["x"], json["y"]) = ("EC", "P-256", Url(point.X!), Url(point.Y!));
            return json;
        }

        var key = Key.ExportParameters(false);
        (json["kty"], json["n"], json["e"]) = ("RSA", Url(key.Modulus!), Url(key.Exponent!));
        return json;
    }

    private static string Url(ReadOnlySpan<byte> bytes) =>
        Convert.ToBase64String(bytes).TrimEnd('=').Replace('+', '-').Replace('/', '_');
}

/// <summary>What people with a provider do.</summary>
internal static class SsoActions
{
    internal const string Client = "https://chat.example.org/app";
    internal const string BaseUrl = "http://localhost:8008";

    internal static Task<TestServer> StartAsync(
        string providers, params (string Key, string Value)[] settings) =>
        TestServer.StartAsync(Settings(providers, settings));

    /// <summary>Starts a server of three nodes.</summary>
    internal static Task<TestServer> StartNodesAsync(string providers) =>
        TestServer.StartNodesAsync(3, Settings(providers));

    private static (string Key, string Value)[] Settings(
        string providers, params (string Key, string Value)[] settings) =>
        [
            ("public_base_url", BaseUrl), ("sso.providers", $"[{providers}]"), ("sso.allow_networks", "127.0.0.1/32"),
            ("sso.client_urls", "https://chat.example.org/"), ("sso.read_pause", "1ms"), .. settings,
        ];

    internal static string RedirectPath(string url = Client, string? provider = "corp") =>
        $"login/sso/redirect{(provider is null ? "" : "/" + provider)}?redirectUrl={Uri.EscapeDataString(url)}";

    internal static string StateOf(string url) => HttpUtility.ParseQueryString(new Uri(url).Query)["state"]!;

    /// <summary>A provider says that it logged somebody out.</summary>
    internal static Task<Reply> LogsOutAsync(this TestServer server, string token) =>
        server.Anyone.FormAsync(OAuthActions.Root + "sso/logout/corp", ("logout_token", token));

    /// <summary>The login token in the URL that the browser was led to.</summary>
    internal static string TokenOf(string? url)
    {
        Assert.That(url, Does.Contain("loginToken="));
        return HttpUtility.ParseQueryString(new Uri(url!).Query)["loginToken"]!;
    }

    internal static async Task<Reply> LogsInByTokenAsync(this TestServer server, string token) =>
        await server.Anyone.PostAsync("login", new JsonObject { ["type"] = "m.login.token", ["token"] = token });

    /// <summary>A browser goes through a provider to the client; returns the response of the login.</summary>
    internal static async Task<Reply> ComesFromAsync(
        this TestServer server, TestProvider provider, string subject, string name, string? session = null)
    {
        var browser = new TestBrowser(server);
        await browser.OpensAsync(RedirectPath());
        await browser.OpensAsync(provider.SignsIn(browser.Location!, subject, name, session));
        Assert.That(browser.Page.Status, Is.EqualTo(303), browser.Page.Text);
        await browser.OpensAsync(browser.Location!);
        return (await server.LogsInByTokenAsync(TokenOf(browser.Location))).Is(200);
    }
}
