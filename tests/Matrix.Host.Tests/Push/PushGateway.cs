using System.Text.Json.Nodes;
using System.Threading.Channels;
using Matrix.Host.Tests.Network;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Tests.Push;

/// <summary>A push gateway over TLS, with a certificate of an authority of its own.</summary>
internal sealed class PushGateway : IAsyncDisposable
{
    private readonly TestCa _ca = new();
    private readonly Channel<JsonObject> _came = Channel.CreateUnbounded<JsonObject>();
    private TlsServer _server = null!;

    /// <summary>How a request is answered; null as a gateway that takes everything.</summary>
    internal Func<JsonObject, HttpContext, Task>? Answers { get; set; }

    /// <summary>Its address, as a pusher has it.</summary>
    internal string Url => $"https://{_server.EndPoint}/_matrix/push/v1/notify";

    /// <summary>The settings of a server that may reach it.</summary>
    internal (string Key, string Value)[] Settings =>
    [
        ("federation.custom_ca", _ca.File),
        ("push.allow_networks", "127.0.0.0/8"),
        ("push.first_pause", "10ms"),
    ];

    internal static async Task<PushGateway> StartAsync()
    {
        var gateway = new PushGateway();
        gateway._server = await TlsServer.StartAsync(
            gateway._ca.Issue("127.0.0.1"), SeenRequests.Recording(gateway.AnswerAsync));
        return gateway;
    }

    /// <summary>The `notification` of the next request.</summary>
    internal async Task<JsonObject> NextAsync()
    {
        using var end = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await _came.Reader.ReadAsync(end.Token);
    }

    /// <summary>Forgets the requests that came.</summary>
    internal void Forget()
    {
        while (_came.Reader.TryRead(out _))
        {
            // One after the other.
        }
    }

    /// <summary>The `event_id` of the next request about an event; counts alone are passed over.</summary>
    internal async Task<string> NextEventAsync()
    {
        while (true)
        {
            if ((string?)(await NextAsync())["event_id"] is { } id) return id;
        }
    }

    /// <summary>The count of the next request without an event.</summary>
    internal async Task<int> NextCountAsync()
    {
        while (true)
        {
            var next = await NextAsync();
            if (next["event_id"] is null) return (int)next["counts"]!["unread"]!;
        }
    }

    /// <summary>Waits for a request with this count.</summary>
    /// <param name="ofEvents">Whether it may be about an event.</param>
    internal async Task CountReachesAsync(int count, bool ofEvents = true)
    {
        for (JsonObject? next = null; next is null || !Reaches(next);) next = await NextAsync();

        bool Reaches(JsonObject push) =>
            ((int?)push["counts"]!["unread"] ?? 0) == count && (ofEvents || push["event_id"] is null);
    }

    /// <summary>The body by which a user sets a pusher that leads here.</summary>
    internal JsonObject Pusher(string pushKey = "key", string appId = "org.example.app") => new()
    {
        ["kind"] = "http",
        ["app_id"] = appId,
        ["pushkey"] = pushKey,
        ["app_display_name"] = "App",
        ["device_display_name"] = "Phone",
        ["lang"] = "en",
        ["data"] = new JsonObject { ["url"] = Url, ["custom"] = new JsonObject { ["n"] = 1 } },
    };

    /// <summary>Sets a pusher of a user that leads here.</summary>
    internal async Task SetAsync(TestUser user, string pushKey = "key") =>
        (await user.PostAsync("pushers/set", Pusher(pushKey))).Is(200);

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _ca.Dispose();
    }

    private async Task AnswerAsync(HttpContext http)
    {
        var body = (await JsonNode.ParseAsync(http.Request.Body))!.AsObject();
        var notification = body["notification"]!.AsObject();
        _came.Writer.TryWrite(notification);
        if (Answers is { } answers)
        {
            await answers(notification, http);
            if (http.Response.HasStarted || http.Response.StatusCode != 200) return;
        }

        http.Response.ContentType = "application/json";
        await http.Response.WriteAsync("""{"rejected":[]}""");
    }
}
