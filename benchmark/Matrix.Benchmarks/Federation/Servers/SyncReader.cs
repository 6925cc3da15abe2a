using System.Text.Json;
using Matrix.LoadGen.Servers;

namespace Matrix.Benchmarks.Federation.Servers;

/// <summary>
/// A client that syncs all the time on a thread of its own, and keeps the messages that came in timelines.
/// </summary>
internal sealed class SyncReader : IDisposable
{
    private const int LongPollMilliseconds = 1000;

    private const string Filter =
        """{"room":{"timeline":{"limit":200},"ephemeral":{"types":[]}},"presence":{"types":[]}}""";

    private static readonly string _filter = "&filter=" + Uri.EscapeDataString(Filter);

    private readonly Account _account;
    private readonly Thread _thread;
    private readonly HashSet<string> _messages = [];
    private readonly Lock _gate = new();
    private volatile bool _stopping;
    private string _since;
    private int _limited;

    public SyncReader(Account account)
    {
        _account = account.Again();
        _since = _account.SyncToken();
        _thread = new Thread(Loop, maxStackSize: 512 * 1024) { IsBackground = true };
        _thread.Start();
    }

    /// <summary>The timelines that left events out.</summary>
    public int Limited => Volatile.Read(ref _limited);

    /// <summary>The messages that came, each once.</summary>
    public int Count
    {
        get
        {
            lock (_gate) return _messages.Count;
        }
    }

    /// <summary>Waits until this many messages have come, for a bounded time.</summary>
    public async Task HasAsync(int count, TimeSpan within, CancellationToken stop)
    {
        var until = DateTime.UtcNow + within;
        while (Count < count)
        {
            if (DateTime.UtcNow > until || !_thread.IsAlive)
            {
                throw new TimeoutException($"{Count} of {count} messages came by sync; {Limited} timelines limited.");
            }

            await Task.Delay(1, stop);
        }
    }

    public void Dispose()
    {
        _stopping = true;
        _thread.Join();
        _account.Dispose();
    }

    private void Loop()
    {
        try
        {
            while (!_stopping)
            {
                _since = _account.Sync(_since, LongPollMilliseconds, _filter);
                Keep();
            }
        }
        catch (Exception problem)
            when (problem is IOException or InvalidDataException or System.Net.Sockets.SocketException)
        {
            Console.Error.WriteLine($"a client stopped: {problem.Message}");
        }
    }

    private void Keep()
    {
        var reader = new Utf8JsonReader(_account.Connection.Body);
        using var sync = JsonDocument.ParseValue(ref reader);
        if (!sync.RootElement.TryGetProperty("rooms", out var rooms) || !rooms.TryGetProperty("join", out var joined))
        {
            return;
        }

        foreach (var room in joined.EnumerateObject())
        {
            if (!room.Value.TryGetProperty("timeline", out var timeline)) continue;
            if (timeline.TryGetProperty("limited", out var limited) && limited.GetBoolean())
            {
                Interlocked.Increment(ref _limited);
            }

            lock (_gate)
            {
                foreach (var each in timeline.GetProperty("events").EnumerateArray())
                {
                    if (each.GetProperty("type").ValueEquals("m.room.message"))
                    {
                        _messages.Add(each.GetProperty("event_id").GetString()!);
                    }
                }
            }
        }
    }
}
