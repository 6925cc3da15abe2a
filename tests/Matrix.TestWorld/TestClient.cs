using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Matrix.TestWorld;

/// <summary>Sends requests, with or without a token.</summary>
public class TestClient(ServerUnderTest server, string? token)
{
    /// <summary>The server.</summary>
    public ServerUnderTest Server { get; } = server;

    /// <summary>The access token, if any.</summary>
    public string? Token { get; set; } = token;

    /// <summary>GET. Paths other than `/`, and without `/_` or `/.` first, are below `/_matrix/client/v3/`.</summary>
    public Task<Reply> GetAsync(string path) => SendAsync(HttpMethod.Get, path, body: null);

    /// <summary>POST of a JSON object; an empty one if none is given.</summary>
    public Task<Reply> PostAsync(string path, JsonNode? body = null) =>
        SendAsync(HttpMethod.Post, path, Json(body ?? new JsonObject()));

    /// <summary>PUT of a JSON object; an empty one if none is given.</summary>
    public Task<Reply> PutAsync(string path, JsonNode? body = null) =>
        SendAsync(HttpMethod.Put, path, Json(body ?? new JsonObject()));

    /// <summary>DELETE, with a JSON object if one is given.</summary>
    public Task<Reply> DeleteAsync(string path, JsonNode? body = null) =>
        SendAsync(HttpMethod.Delete, path, body is null ? null : Json(body));

    /// <summary>Any request.</summary>
    public async Task<Reply> SendAsync(
        HttpMethod method, string path, HttpContent? body, params (string Name, string Value)[] headers)
    {
        var absolute = path.StartsWith("/_", StringComparison.Ordinal)
            || path.StartsWith("/.", StringComparison.Ordinal)
            || path is "/health" or "/health/ready" or "/"
            ? path
            : "/_matrix/client/v3/" + path.TrimStart('/');

        // Sends the path as the test wrote it: not decoded, encoded or shortened.
        var target = new Uri(Server.ClientAddress.GetLeftPart(UriPartial.Authority) + absolute, new UriCreationOptions
        {
            DangerousDisablePathAndQueryCanonicalization = true,
        });
        using var request = new HttpRequestMessage(method, target) { Content = body };
        if (Token is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await Server.SendAsync(request);
    }

    /// <summary>A body with this exact text.</summary>
    public static HttpContent Raw(string text) => new StringContent(text, Encoding.UTF8, "application/json");

    private static HttpContent Json(JsonNode body) => Raw(body.ToJsonString());
}
