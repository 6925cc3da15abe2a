using System.Text.Json;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.Processes;

namespace Matrix.Durability.Kill;

/// <summary>
/// A client that syncs all the time, records what it received, and goes on from its token after a restart.
/// </summary>
internal sealed class Observer(Account account)
{
    private const string Filter = """{"room":{"timeline":{"limit":20}},"presence":{"not_types":["*"]}}""";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly Dictionary<string, int> _events = [];
    private readonly Dictionary<string, int> _toDevice = [];
    private readonly List<string> _tokens = [];
    private TaskCompletionSource? _gap;

    /// <summary>How often each event was in a timeline.</summary>
    public IReadOnlyDictionary<string, int> Events => _events;

    /// <summary>How often each to-device message came with a token that the client then used.</summary>
    public IReadOnlyDictionary<string, int> ToDevice => _toDevice;

    /// <summary>Sync tokens, oldest first.</summary>
    public IReadOnlyList<string> Tokens => _tokens;

    public HttpConnection Connection => account.Connection;

    public string UserId => account.UserId;

    public Thread Start()
    {
        var thread = new Thread(UntilTheEnd);
        thread.Start();
        return thread;
    }

    /// <summary>
    /// Starts syncing; returns once a part of what a limited timeline left out was fetched, and goes on.
    /// </summary>
    public async Task<Thread> StartAndReachAGapAsync()
    {
        _gap = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = Start();
        await _gap.Task.WaitAsync(Patience);
        return thread;
    }

    /// <summary>Forgets the events of the last round and keeps the token.</summary>
    public void BeginRound()
    {
        _events.Clear();
        _toDevice.Clear();
        _tokens.RemoveRange(0, Math.Max(0, _tokens.Count - 1));
    }

    /// <summary>Syncs until nothing new comes.</summary>
    public void CatchUp()
    {
        while (Sync(timeoutMilliseconds: 0))
        {
        }
    }

    private void UntilTheEnd()
    {
        try
        {
            while (true)
            {
                Sync(timeoutMilliseconds: 1000);
            }
        }
        catch (Exception end) when (end is System.Net.Sockets.SocketException or IOException)
        {
            // The server was killed, as it should be.
        }
    }

    /// <summary>Syncs once from the last token; returns whether there was anything new.</summary>
    private bool Sync(int timeoutMilliseconds)
    {
        var since = _tokens.Count > 0 ? _tokens[^1] : null;
        using var response = Get(
            $"/_matrix/client/v3/sync?timeout={timeoutMilliseconds}&filter={Uri.EscapeDataString(Filter)}"
            + (since is null ? "" : $"&since={Uri.EscapeDataString(since)}"));
        var root = response.RootElement;
        var news = false;

        // A response counts once its token is used, and not before.
        if (since is not null)
        {
            // All or nothing: if the server is killed while a gap is fetched, the same sync is repeated.
            var seen = SeenInRooms(root, since);
            seen.ForEach(id => Count(_events, id));
            news = seen.Count > 0 | TakeToDevice(root);
        }

        _tokens.Add(root.GetProperty("next_batch").GetString()!);
        return news;
    }

    private List<string> SeenInRooms(JsonElement root, string since)
    {
        var seen = new List<string>();
        if (!root.TryGetProperty("rooms", out var rooms) || !rooms.TryGetProperty("join", out var joined))
        {
            return seen;
        }

        foreach (var room in joined.EnumerateObject())
        {
            var timeline = room.Value.GetProperty("timeline");
            seen.AddRange(IdsOf(timeline.GetProperty("events")));
            if (timeline.TryGetProperty("limited", out var limited) && limited.GetBoolean())
            {
                FillGap(room.Name, timeline.GetProperty("prev_batch").GetString()!, since, seen);
            }
        }

        return seen;
    }

    private void FillGap(string roomId, string from, string to, List<string> seen)
    {
        for (string? token = from; token is not null;)
        {
            using var page = Get($"/_matrix/client/v3/rooms/{Uri.EscapeDataString(roomId)}/messages?dir=b&limit=50"
                + $"&from={Uri.EscapeDataString(token)}&to={Uri.EscapeDataString(to)}");
            seen.AddRange(IdsOf(page.RootElement.GetProperty("chunk")));
            _gap?.TrySetResult();
            token = page.RootElement.TryGetProperty("end", out var end) ? end.GetString() : null;
        }
    }

    private static IEnumerable<string> IdsOf(JsonElement events) =>
        events.EnumerateArray().Select(item => item.GetProperty("event_id").GetString()!);

    private bool TakeToDevice(JsonElement root)
    {
        if (!root.TryGetProperty("to_device", out var toDevice) || !toDevice.TryGetProperty("events", out var events))
        {
            return false;
        }

        foreach (var item in events.EnumerateArray())
        {
            Count(_toDevice, item.GetProperty("content").GetProperty("mark").GetString()!);
        }

        return events.GetArrayLength() > 0;
    }

    private JsonDocument Get(string path)
    {
        var status = Connection.Get(path);
        return status == 200
            ? JsonDocument.Parse(Connection.BodyText)
            : throw new LostException($"{path} returned {status}: {Connection.BodyText}");
    }

    private static void Count(Dictionary<string, int> counts, string key) =>
        counts[key] = counts.GetValueOrDefault(key) + 1;
}
