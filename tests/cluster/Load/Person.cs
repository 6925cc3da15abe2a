using System.Diagnostics;
using System.Text.Json;
using Matrix.Processes;

namespace Matrix.ClusterFaults.Load;

/// <summary>A user on one device.</summary>
internal sealed class Person
{
    private const string Client = "/_matrix/client/v3/";

    private static readonly TimeSpan _repeatAfter = TimeSpan.FromMilliseconds(100);

    /// <summary>No fault of the tests lasts as long.</summary>
    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(100);

    private readonly string _token;

    private Person(Traffic traffic, string userId, string deviceId, string token) =>
        (Traffic, UserId, DeviceId, _token) = (traffic, userId, deviceId, token);

    public Traffic Traffic { get; }

    public string UserId { get; }

    public string DeviceId { get; }

    /// <summary>Registers a user.</summary>
    public static async Task<Person> RegisterAsync(Traffic traffic, string name)
    {
        var body = Body(new { username = name, password = name + "-password", auth = new { type = "m.login.dummy" } });
        var made = await traffic.SendAsync(HttpMethod.Post, Client + "register", body, token: null);
        if (made.Status != 200) throw new LostException($"A user was not registered: {made}");
        using var json = JsonDocument.Parse(made.Text);
        string Of(string member) => json.RootElement.GetProperty(member).GetString()!;
        return new Person(traffic, Of("user_id"), Of("device_id"), Of("access_token"));
    }

    /// <summary>The same user, whose requests go elsewhere.</summary>
    public Person By(Traffic traffic) => new(traffic, UserId, DeviceId, _token);

    /// <summary>Sends a request once. Paths are below `/_matrix/client/v3/`, or begin with a slash.</summary>
    public Task<Exchange> TryAsync(
        HttpMethod method,
        string path,
        object? body = null,
        TimeSpan waits = default,
        TimeSpan? patience = null,
        CancellationToken stop = default) => Traffic.SendAsync(
            method,
            path.StartsWith('/') ? path : Client + path,
            body is null ? null : Body(body),
            _token,
            waits,
            patience,
            stop);

    /// <summary>Repeats a request until it is answered 200. Any other answer that decides it is a fault.</summary>
    /// <returns>The answer, and how many tries nobody can say the outcome of.</returns>
    public async Task<(JsonElement Answer, int Unknown)> UntilAnsweredAsync(
        HttpMethod method, string path, object? body = null, TimeSpan? patience = null)
    {
        var watch = Stopwatch.StartNew();
        for (var unknown = 0; ; unknown++)
        {
            var exchange = await TryAsync(method, path, body, patience: patience);
            if (exchange.Status == 200)
            {
                using var json = JsonDocument.Parse(exchange.Text);
                return (json.RootElement.Clone(), unknown);
            }

            if (!exchange.Failed) throw new LostException($"{UserId} was refused: {exchange}");
            if (watch.Elapsed > _longest)
                throw new LostException($"{UserId} got no answer in {watch.Elapsed.TotalSeconds:0} s: {exchange}");
            await Task.Delay(_repeatAfter);
        }
    }

    /// <summary>Reads something.</summary>
    public async Task<JsonElement> ReadAsync(string path) => (await UntilAnsweredAsync(HttpMethod.Get, path)).Answer;

    public async Task<string> CreateRoomAsync(string name)
    {
        var content = new
        {
            name,
            preset = "public_chat",
            power_level_content_override = new { state_default = 0 },
        };

        // It has no transaction id: it is not repeated.
        var made = await TryAsync(HttpMethod.Post, "createRoom", content);
        if (made.Status != 200) throw new LostException($"A room was not created: {made}");
        using var json = JsonDocument.Parse(made.Text);
        return json.RootElement.GetProperty("room_id").GetString()!;
    }

    public Task JoinAsync(string room) => UntilAnsweredAsync(HttpMethod.Post, $"rooms/{Esc(room)}/join", new { });

    /// <summary>Joins a room of another server.</summary>
    public Task JoinByAsync(string server, string room) => UntilAnsweredAsync(
        HttpMethod.Post, $"join/{Esc(room)}?via={Esc(server)}&server_name={Esc(server)}", new { });

    /// <summary>Sends a message, and returns its event.</summary>
    public async Task<string> SayAsync(string room, string mark, TimeSpan? patience = null)
    {
        var (answer, _) = await UntilAnsweredAsync(
            HttpMethod.Put,
            $"rooms/{Esc(room)}/send/m.room.message/{mark}",
            new { msgtype = "m.text", body = mark },
            patience);
        return answer.GetProperty("event_id").GetString()!;
    }

    /// <summary>Escapes a part of a path.</summary>
    public static string Esc(string text) => Uri.EscapeDataString(text);

    private static byte[] Body(object content) => JsonSerializer.SerializeToUtf8Bytes(content);
}
