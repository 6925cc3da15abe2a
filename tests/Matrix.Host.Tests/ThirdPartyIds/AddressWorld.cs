using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using System.Threading.Channels;
using Matrix.Host.Tests.Network;
using Matrix.Host.Tests.Push;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Tests.ThirdPartyIds;

/// <summary>A homeserver with a mail server, a gateway for text messages and an identity server.</summary>
internal sealed partial class AddressWorld : IAsyncDisposable
{
    private readonly TestCa _ca = new();
    private readonly Channel<JsonObject> _texts = Channel.CreateUnbounded<JsonObject>();
    private readonly TestDatabase _database;
    private TlsServer _web = null!;

    private AddressWorld(TestDatabase database) => _database = database;

    public TestServer Server { get; private set; } = null!;

    public SmtpServer Smtp { get; } = new();

    /// <summary>Answers requests to the identity server: a status and a body; null for 404.</summary>
    public Func<string, JsonObject?, (int Status, JsonObject Body)?> Identity { get; set; } = static (_, _) => null;

    /// <summary>Requests that the identity server got: the path, the `Authorization` and the body.</summary>
    public List<(string Path, string Authorization, JsonObject? Body)> Asked { get; } = [];

    /// <summary>The name of the identity server.</summary>
    public string IdentityName => _web.EndPoint.ToString();

    [GeneratedRegex(
        "https://matrix.test.example(/_matrix/static/identifiers/confirm\\?sid=[^&\\s\"]+&token=[^&\\s\"]+)")]
    private static partial Regex Links { get; }

    [GeneratedRegex("^\\d{6}")]
    private static partial Regex Codes { get; }

    public static async Task<AddressWorld> StartAsync(
        string kind = TestDatabase.Sqlite, params (string Key, string Value)[] settings)
    {
        var world = new AddressWorld(await TestDatabase.CreateAsync(kind));
        world._web = await TlsServer.StartAsync(world._ca.Issue("127.0.0.1"), world.AnswerAsync);
        world.Server = await TestServer.StartAsync(
        [
            ("database.url", world._database.Url),
            ("public_base_url", "https://matrix.test.example"),
            ("email.smtp_host", "127.0.0.1"),
            ("email.smtp_port", $"{world.Smtp.Port}"),
            ("email.smtp_tls", "false"),
            ("email.from", "Chat <noreply@test.example>"),
            ("federation.custom_ca", world._ca.File),
            ("text_messages.gateway_url", $"https://{world._web.EndPoint}/sms?from=chat"),
            ("text_messages.gateway_token", "gateway-token"),
            ("identity_servers.allowed", world._web.EndPoint.ToString()),
            ("identity_servers.allow_networks", "127.0.0.0/8"),
            ("identifiers.send_pause", "10ms"),
            .. settings,
        ]);
        return world;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await _web.DisposeAsync();
        Smtp.Dispose();
        _ca.Dispose();
        await _database.DisposeAsync();
    }

    public static JsonObject ByMail(string address, string secret = "secret", int attempt = 1) => new()
    {
        ["email"] = address,
        ["client_secret"] = secret,
        ["send_attempt"] = attempt,
    };

    public static JsonObject ByPhone(string number, string country = "GB", string secret = "secret", int attempt = 1) =>
        new()
        {
            ["phone_number"] = number,
            ["country"] = country,
            ["client_secret"] = secret,
            ["send_attempt"] = attempt,
        };

    /// <summary>The path of the link in the next mail.</summary>
    public async Task<string> NextLinkAsync() => LinkOf((await Smtp.NextAsync()).Bodies[0])!;

    /// <summary>The path of the link in a text; null if it has none.</summary>
    public static string? LinkOf(string text) =>
        Links.Match(text) is { Success: true } link ? link.Groups[1].Value : null;

    /// <summary>The body of the next text message.</summary>
    public async Task<JsonObject> NextTextAsync()
    {
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await _texts.Reader.ReadAsync(end.Token);
    }

    /// <summary>The code of the next text message.</summary>
    public async Task<string> NextCodeAsync() => Codes.Match((string)(await NextTextAsync())["text"]!).Value;

    /// <summary>Presses the button of a link's page.</summary>
    /// <param name="account">The account that the owner of the address types; null for none.</param>
    public Task<Reply> PressesAsync(string link, string? account = null) => Server.Anyone.SendAsync(
        HttpMethod.Post,
        link,
        new FormUrlEncodedContent(
            account is null ? [] : new Dictionary<string, string> { ["account"] = account }),
        ("Sec-Fetch-Site", "same-origin"));

    /// <summary>A confirmed session of an address: its id.</summary>
    /// <param name="asker">The user whose token the request has; null for none.</param>
    public async Task<string> ConfirmsAsync(
        string path, string address, string secret = "secret", TestClient? asker = null)
    {
        var sid = (await (asker ?? Server.Anyone).PostAsync(path, ByMail(address, secret))).Is(200).Member("sid");
        Assert.That((await PressesAsync(await NextLinkAsync())).Status, Is.EqualTo(200));
        return sid;
    }

    /// <summary>Adds a mail address to an account.</summary>
    public async Task AddsAsync(TestUser user, string address)
    {
        var secret = "of." + user.DeviceId;
        var sid = await ConfirmsAsync("account/3pid/email/requestToken", address, secret, user);
        (await AddAsync(user, sid, secret)).Is(200);
    }

    public static Task<Reply> AddAsync(TestUser user, string sid, string secret = "secret") =>
        user.PostAsync("account/3pid/add", new JsonObject
        {
            ["sid"] = sid,
            ["client_secret"] = secret,
            ["auth"] = user.PasswordAuth(),
        });

    /// <summary>The addresses of an account.</summary>
    public static async Task<string[]> AddressesAsync(TestUser user) =>
        [.. (await user.GetAsync("account/3pid")).Is(200).Json["threepids"]!.AsArray()
            .Select(each => $"{each!["medium"]} {each["address"]}")];

    private async Task AnswerAsync(HttpContext http)
    {
        var hasBody = http.Request.ContentLength > 0;
        var body = hasBody ? (await JsonNode.ParseAsync(http.Request.Body))!.AsObject() : null;
        http.Response.ContentType = "application/json";
        if (http.Request.Path == "/sms")
        {
            Assert.That(http.Request.Headers.Authorization.ToString(), Is.EqualTo("Bearer gateway-token"));
            _texts.Writer.TryWrite(body!);
            await http.Response.WriteAsync("{}");
            return;
        }

        var path = http.Request.Path.Value!.Replace("/_matrix/identity/v2", "", StringComparison.Ordinal);
        lock (Asked) Asked.Add((path, http.Request.Headers.Authorization.ToString(), body));
        var answer = Identity(path, body) ?? (404, new JsonObject());
        http.Response.StatusCode = answer.Status;
        await http.Response.WriteAsync(answer.Body.ToJsonString());
    }
}
