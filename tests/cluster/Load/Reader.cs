using System.Text.Json;
using Matrix.Processes;

namespace Matrix.ClusterFaults.Load;

/// <summary>A client that syncs all the time, by long-polls, and records what it got.</summary>
internal abstract class Reader(Person person)
{
    protected static readonly TimeSpan Waits = TimeSpan.FromSeconds(3);

    private const int LongestShown = 200;

    private static readonly TimeSpan _repeatAfter = TimeSpan.FromMilliseconds(100);

    public Person Person => person;

    public Timelines Timelines { get; } = new(person);

    /// <summary>What it was answered last, shortened.</summary>
    public string Last { get; private set; } = "none";

    /// <summary>What the server did wrong.</summary>
    public IEnumerable<string> Problems => Timelines.Problems;

    /// <summary>Notes what is there before the load.</summary>
    public abstract Task BeginAsync();

    /// <summary>Reads until it is stopped.</summary>
    public async Task ReadAsync(CancellationToken stop)
    {
        try
        {
            while (!stop.IsCancellationRequested) await ReadOnceAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // It is over.
        }
        catch (LostException problem)
        {
            Timelines.Add(problem.Message);
        }
    }

    /// <summary>One request, and what follows from its answer.</summary>
    protected abstract Task ReadOnceAsync(CancellationToken stop);

    /// <summary>Sends a request that may be held. Null if it failed, so that it is to be repeated.</summary>
    protected async Task<JsonElement?> PollAsync(
        HttpMethod method, string path, object? body, TimeSpan waits, CancellationToken stop)
    {
        var exchange = await person.TryAsync(method, path, body, waits, stop: stop);
        var text = $"{exchange}";
        Last = text.Length > LongestShown ? text[..LongestShown] : text;
        if (exchange.Status == 200)
        {
            using var json = JsonDocument.Parse(exchange.Text);
            return json.RootElement.Clone();
        }

        if (IsRestarted(exchange)) return null;
        if (!exchange.Failed) throw new LostException($"{person.UserId} was refused: {exchange}");
        await Task.Delay(_repeatAfter, stop);
        return null;
    }

    /// <summary>Whether the answer lets the client begin anew.</summary>
    protected virtual bool IsRestarted(Exchange exchange) => false;
}
