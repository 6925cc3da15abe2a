using System.Collections.Concurrent;
using System.Diagnostics;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Reporting;

namespace Matrix.Benchmarks.Cluster.Loads;

/// <summary>A client of a paced load: where its requests go, who it is, and a room of its own.</summary>
internal sealed record PacedClient(AsyncClient Http, string Authorization, string Room)
{
    private static readonly TimeSpan _again = TimeSpan.FromMilliseconds(50);

    /// <summary>Longer than a node lets a request wait for a shard's next owner.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(12);

    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Sends a message until it is answered 200, but no longer than a minute: whoever measures sees that it was too
    /// long.
    /// </summary>
    public async Task UntilWrittenAsync(CancellationToken stop)
    {
        var watch = Stopwatch.StartNew();
        var transaction = "probe" + Guid.NewGuid().ToString("n");
        while ((await PacedSends.SendAsync(this, transaction, _patience)).Problem is not null
            && watch.Elapsed < _longest)
        {
            await Task.Delay(_again, stop);
        }
    }
}

/// <summary>A message that was sent at its time, however long those before took.</summary>
/// <param name="Room">The room.</param>
/// <param name="At">When it was sent, as a timestamp of <see cref="Stopwatch"/>.</param>
/// <param name="Took">The time until its answer, in the same unit.</param>
/// <param name="Problem">Why it failed; null if it was answered 200.</param>
internal sealed record PacedSend(string Room, long At, long Took, string? Problem)
{
    public double Seconds => Stopwatch.GetElapsedTime(At, At + Took).TotalSeconds;
}

/// <summary>Clients that send at a given rate, all together, until it is stopped.</summary>
internal sealed class PacedSends : IAsyncDisposable
{
    private const double MostSettledMilliseconds = 500;

    /// <summary>The share of the messages that must be answered when a load has settled.</summary>
    private const double LeastAnswered = 0.9;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan _settling = TimeSpan.FromSeconds(4);

    private readonly IReadOnlyList<PacedClient> _clients;
    private readonly string _run = Guid.NewGuid().ToString("n")[..8];
    private readonly ConcurrentQueue<PacedSend> _sent = new();
    private readonly CancellationTokenSource _over = new();
    private readonly Task _sending;
    private long _begun;

    public PacedSends(IReadOnlyList<PacedClient> clients, double perSecond)
    {
        _clients = clients;
        _sending = Task.Run(() => SendAsync(perSecond));
    }

    /// <summary>The messages that were answered, or failed, so far.</summary>
    public IReadOnlyCollection<PacedSend> Sent => _sent;

    /// <summary>The times of messages that were sent from a moment on, before another one.</summary>
    public Durations Times(long from, long before = long.MaxValue, Func<PacedSend, bool>? which = null)
    {
        var times = new Durations();
        foreach (var each in _sent)
        {
            if (each.At >= from && each.At < before && which?.Invoke(each) != false) times.Add(each.Took);
        }

        return times;
    }

    /// <summary>
    /// Starts a load that the servers bear. At a lower rate each flush has fewer messages and each message costs more,
    /// so half of a peak may be too much: then the rate is halved.
    /// </summary>
    public static async Task<PacedSends> StartSteadyAsync(
        IReadOnlyList<PacedClient> clients, double perSecond, Action<string> say, CancellationToken stop)
    {
        while (true)
        {
            var sends = new PacedSends(clients, perSecond);
            try
            {
                await Task.Delay(_settling, stop);
                var late = sends.Times(0).Percentile(95);
                var isBorne = sends._sent.Count >= LeastAnswered * Volatile.Read(ref sends._begun);
                if (isBorne && late < MostSettledMilliseconds) return sends;
                say($"       {perSecond:0} sends a second are too many before anything happens (p95 {late:0} ms): half "
                    + "of them from here on");
            }
            catch
            {
                await sends.DisposeAsync();
                throw;
            }

            await sends.DisposeAsync();
            perSecond /= 2;
            if (perSecond < 1) throw new InvalidDataException("The cluster bears no load at all.");
        }
    }

    /// <summary>Sends a message in a room once.</summary>
    public static async Task<PacedSend> SendAsync(PacedClient client, string transaction, TimeSpan patience)
    {
        var at = Stopwatch.GetTimestamp();
        using var late = new CancellationTokenSource(patience);
        try
        {
            using var reply = await client.Http.SendAsync(
                HttpMethod.Put,
                $"/_matrix/client/v3/rooms/{Uri.EscapeDataString(client.Room)}/send/m.room.message/{transaction}",
                client.Authorization, SentRooms.Content, late.Token);
            var problem = reply.Status == 200 ? null
                : $"{reply.Status} {System.Text.Encoding.UTF8.GetString(reply.Body.Span)}";
            return new PacedSend(client.Room, at, Stopwatch.GetTimestamp() - at, problem);
        }
        catch (Exception fault) when (fault is HttpRequestException or IOException or OperationCanceledException)
        {
            return new PacedSend(client.Room, at, Stopwatch.GetTimestamp() - at, fault.Message);
        }
    }

    /// <summary>Begins no more, and waits for those under way.</summary>
    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _sending;
        _over.Dispose();
    }

    private async Task SendAsync(double perSecond)
    {
        var under = new List<Task>();
        var watch = Stopwatch.StartNew();
        for (long sent = 0; !_over.IsCancellationRequested;)
        {
            for (; sent < watch.Elapsed.TotalSeconds * perSecond; sent++)
            {
                Interlocked.Increment(ref _begun);
                under.Add(SendOneAsync(_clients[(int)(sent % _clients.Count)], $"{_run}-{sent}"));
            }

            if (under.Count > 10_000) under.RemoveAll(static each => each.IsCompleted);
            await Task.Delay(1, CancellationToken.None);
        }

        await Task.WhenAll(under);
    }

    private async Task SendOneAsync(PacedClient client, string transaction) =>
        _sent.Enqueue(await SendAsync(client, transaction, _patience));
}
