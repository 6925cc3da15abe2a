using System.Text;
using System.Text.Json;
using Matrix.LoadGen.Http;

namespace Matrix.LoadGen.Users;

/// <summary>A server did not do what it was asked for.</summary>
internal sealed class RefusedException(string message) : Exception(message);

/// <summary>A logged-in device of a person.</summary>
/// <param name="client">The requests to its server.</param>
/// <param name="userId">The user.</param>
/// <param name="id">The device's id.</param>
/// <param name="token">Its access token.</param>
internal sealed class Device(AsyncClient client, string userId, string id, string token)
{
    private readonly string _authorization = "Bearer " + token;

    public string UserId => userId;

    public string Id => id;

    /// <summary>Where its sync goes on; null before the first one.</summary>
    public string? Position { get; set; }

    /// <summary>One-time keys that it has made so far.</summary>
    public int Keys { get; set; }

    /// <summary>Sends a request whose response must be 200, and returns it, to be disposed.</summary>
    public async Task<Reply> SendAsync(
        HttpMethod method,
        string path,
        ReadOnlyMemory<byte>? body,
        CancellationToken stop,
        string contentType = "application/json")
    {
        var reply = await client.SendAsync(method, path, _authorization, body, stop, contentType);
        if (reply.Status == 200) return reply;
        using (reply)
        {
            var text = Encoding.UTF8.GetString(reply.Body.Span[..Math.Min(reply.Body.Length, 300)]);
            throw new RefusedException($"{reply.Status} to {method} {path}: {text}");
        }
    }

    /// <summary>The same, of which only the success matters.</summary>
    public async Task DoAsync(
        HttpMethod method, string path, ReadOnlyMemory<byte>? body, CancellationToken stop)
    {
        using var reply = await SendAsync(method, path, body, stop);
    }

    /// <summary>The same; returns a string of the response.</summary>
    public async Task<string> ReadAsync(
        HttpMethod method,
        string path,
        ReadOnlyMemory<byte>? body,
        string member,
        CancellationToken stop,
        string contentType = "application/json")
    {
        using var reply = await SendAsync(method, path, body, stop, contentType);
        using var json = JsonDocument.Parse(reply.Body);
        return json.RootElement.GetProperty(member).GetString()!;
    }
}
