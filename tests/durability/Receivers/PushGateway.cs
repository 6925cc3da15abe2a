using System.Collections.Concurrent;
using System.Text.Json;

namespace Matrix.Durability.Receivers;

/// <summary>A push gateway that counts how often it gets each event.</summary>
internal sealed class PushGateway : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, int> _pushed = new();
    private Receiver _receiver = null!;

    private PushGateway()
    {
    }

    /// <summary>How often each event was pushed.</summary>
    public IReadOnlyDictionary<string, int> Pushed => _pushed;

    public static async Task<PushGateway> StartAsync()
    {
        var gateway = new PushGateway();
        gateway._receiver = await Receiver.StartAsync(isTls: true, gateway.Take);
        return gateway;
    }

    /// <summary>The body by which a user sets a pusher that leads here.</summary>
    public byte[] Pusher() => JsonSerializer.SerializeToUtf8Bytes(new
    {
        kind = "http",
        app_id = "org.example.app",
        pushkey = "key",
        app_display_name = "App",
        device_display_name = "Phone",
        lang = "en",
        data = new { url = _receiver.Url + "/_matrix/push/v1/notify", format = "event_id_only" },
    });

    /// <summary>Forgets what came.</summary>
    public void Forget() => _pushed.Clear();

    /// <summary>
    /// What was not pushed, and what was pushed twice. A pusher sends one push after the other, so that a kill repeats
    /// at most one.
    /// </summary>
    /// <param name="eventIds">The events that were to be pushed since <see cref="Forget"/>.</param>
    public IEnumerable<string> Problems(IReadOnlyCollection<string> eventIds)
    {
        foreach (var id in eventIds.Where(id => !_pushed.ContainsKey(id))) yield return $"{id} was not pushed";
        var repeated = _pushed.Where(each => each.Value > 1).ToArray();
        if (repeated.Sum(each => each.Value - 1) > 1)
        {
            yield return $"{repeated.Length} events were pushed again, the first of them {repeated[0].Key}";
        }
    }

    public ValueTask DisposeAsync() => _receiver.DisposeAsync();

    private string Take(string path, string body)
    {
        using var json = JsonDocument.Parse(body);
        if (json.RootElement.GetProperty("notification").TryGetProperty("event_id", out var id))
        {
            _pushed.AddOrUpdate(id.GetString()!, 1, static (_, count) => count + 1);
        }

        return """{"rejected":[]}""";
    }
}
