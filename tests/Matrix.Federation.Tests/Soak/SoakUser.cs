using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text.Json.Nodes;

namespace Matrix.Federation.Tests.Soak;

/// <summary>A user whose requests are repeated until their server answers.</summary>
internal sealed class SoakUser(TestUser user, ServerUnderTest server, ConcurrentQueue<string> problems)
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(100);

    internal TestUser User { get; } = user;

    internal ServerUnderTest Server { get; } = server;

    internal string Id => User.UserId;

    /// <summary>Registers a user while nothing fails.</summary>
    internal static async Task<SoakUser> RegisterAsync(
        ServerUnderTest server, string name, ConcurrentQueue<string> problems) =>
        new(await server.RegistersAsync(name), server, problems);

    internal SoakUser On(TestUser device) => new(device, Server, problems);

    internal Task<Reply> PutAsync(string path, JsonObject body) => RepeatAsync(path, user => user.PutAsync(path, body));

    internal Task<Reply> PostAsync(string path, JsonObject body) =>
        RepeatAsync(path, user => user.PostAsync(path, body));

    internal Task<Reply> GetAsync(string path) => RepeatAsync(path, user => user.GetAsync(path));

    /// <summary>Sends an event.</summary>
    internal Task<Reply> SendAsync(string roomId, string type, JsonObject content)
    {
        var path = $"rooms/{Uri.EscapeDataString(roomId)}/send/{type}/{Guid.NewGuid():N}";
        return PutAsync(path, content);
    }

    /// <summary>Sets a part of the state.</summary>
    internal Task<Reply> SetAsync(string roomId, string type, string key, JsonObject content)
    {
        var path = $"rooms/{Uri.EscapeDataString(roomId)}/state/{type}/{Uri.EscapeDataString(key)}";
        return PutAsync(path, content);
    }

    /// <summary>Redacts an event.</summary>
    internal Task<Reply> RedactAsync(string roomId, string eventId)
    {
        var path = $"rooms/{Uri.EscapeDataString(roomId)}/redact/{Uri.EscapeDataString(eventId)}/{Guid.NewGuid():N}";
        return PutAsync(path, []);
    }

    /// <summary>Runs a request until it is answered. Returns what another repetition would not change.</summary>
    internal async Task<Reply> RepeatAsync(string what, Func<TestUser, Task<Reply>> request)
    {
        var until = DateTime.UtcNow + _patience;
        var last = "";
        while (DateTime.UtcNow < until)
        {
            try
            {
                var reply = await request(User);
                if (reply.Status is not (429 or 500 or 503)) return reply;

                last = $"{reply.Status} {reply.Text}";
                if (reply.Status == 500) problems.Enqueue($"{Id}: {what}: {last}");
            }
            catch (Exception gone) when (gone
                is HttpRequestException or TaskCanceledException or IOException or SocketException)
            {
                // The framework does not wrap the fault of a connection that ends as soon as it is open.
                last = gone.Message;
            }

            await Task.Delay(_pause);
        }

        throw new SoakException($"{Id}: no answer to {what} in {_patience}: {last}");
    }
}

/// <summary>The soak cannot go on.</summary>
internal sealed class SoakException(string message) : Exception(message);
