using Matrix.Core.Federation;
using Matrix.Host.Network.FederationClient;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>The outcome of a request to another server.</summary>
/// <param name="Value">The value; null if the server returned none.</param>
/// <param name="IsReached">Whether the server answered. If not, it may have the value nevertheless.</param>
internal readonly record struct Fetched<T>(T? Value, bool IsReached)
    where T : class;

/// <summary>
/// Sends the requests for missing events: a bounded number at once, to each server and to all. A server that fails is
/// not asked again before a pause has ended. Servers that failed last, or were slow, hold a part of the slots only, so
/// that they do not keep the others waiting.
/// </summary>
internal sealed class FetchSlots(ReceivingOptions options, TimeProvider time) : IDisposable
{
    /// <summary>At most one slot in this many is for servers whose last request failed.</summary>
    private const int PartOfFailing = 4;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Server>> _servers = new(StringComparer.Ordinal);
    private readonly LinkedList<Server> _byUse = new();
    private readonly SemaphoreSlim _all = new(options.FetchesAtOnce, options.FetchesAtOnce);
    private readonly SemaphoreSlim _failing = new(Math.Max(1, options.FetchesAtOnce / PartOfFailing));
    private readonly BackoffPauses _pauses = new(
        (long)options.FetchPause.TotalMilliseconds,
        (long)options.LongestFetchPause.TotalMilliseconds,
        (long)options.FetchWakePause.TotalMilliseconds);

    /// <summary>Asks a server, unless it failed just now.</summary>
    /// <param name="isLarge">Whether the response may be as large as a room's state, and take longer.</param>
    internal async ValueTask<Fetched<T>> RequestAsync<T>(
        string name,
        Func<CancellationToken, ValueTask<FederationResult<T>>> send,
        bool isLarge,
        CancellationToken stop)
        where T : class
    {
        var server = Use(name);
        try
        {
            if (IsPaused(server)) return default;
            await server.Slots.WaitAsync(stop);
            try
            {
                // Another request may have failed meanwhile.
                if (IsPaused(server)) return default;
                var isFailing = !server.Backoff.IsHealthy || server.IsSlow;
                if (isFailing) await _failing.WaitAsync(stop);
                try
                {
                    return await InSlotAsync(server, send, isLarge, stop);
                }
                finally
                {
                    if (isFailing) _failing.Release();
                }
            }
            finally
            {
                server.Slots.Release();
            }
        }
        finally
        {
            lock (_gate) server.Users--;
        }
    }

    /// <summary>When a server may be asked again, in milliseconds; now, if it may be asked at once.</summary>
    internal long MayRequestAt(string name)
    {
        lock (_gate)
        {
            return Math.Max(Now, _servers.TryGetValue(name, out var known) ? known.Value.Backoff.RetryAt : 0);
        }
    }

    /// <summary>
    /// Called when a server sent a request. True if it failed last, and may be asked again before its pause has ended.
    /// </summary>
    internal bool Wake(string name)
    {
        lock (_gate)
        {
            if (!_servers.TryGetValue(name, out var known) || known.Value.Backoff.IsHealthy) return false;
            known.Value.Backoff = known.Value.Backoff.Woken(Now);
            return known.Value.Backoff.RetryAt <= Now;
        }
    }

    public void Dispose()
    {
        _all.Dispose();
        _failing.Dispose();
    }

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    private async ValueTask<Fetched<T>> InSlotAsync<T>(
        Server server,
        Func<CancellationToken, ValueTask<FederationResult<T>>> send,
        bool isLarge,
        CancellationToken stop)
        where T : class
    {
        await _all.WaitAsync(stop);
        try
        {
            using var clock = new CancellationTokenSource(
                isLarge ? options.LargeFetchTime : options.FetchTime, time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
            FederationResult<T> sent;
            var began = time.GetTimestamp();
            try
            {
                sent = await send(both.Token);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                sent = new FederationFailure(FederationFailureKind.TimedOut, 0, "", "the server took too long");
            }

            server.IsSlow = time.GetElapsedTime(began) >= options.FetchSlowAfter;
            return Outcome(server, sent);
        }
        finally
        {
            _all.Release();
        }
    }

    private Fetched<T> Outcome<T>(Server server, FederationResult<T> sent)
        where T : class
    {
        lock (_gate)
        {
            if (sent.Failure is not { } failure)
            {
                server.Backoff = server.Backoff.Succeeded();
                return new Fetched<T>(sent.Value, IsReached: true);
            }

            if (!IsOfTheMoment(failure))
            {
                server.Backoff = server.Backoff.Succeeded();
                return new Fetched<T>(null, IsReached: true);
            }

            // Requests that fail at the same time are one failure.
            if (server.Backoff.RetryAt <= Now)
            {
                var asked = (long)(failure.RetryAfter ?? TimeSpan.Zero).TotalMilliseconds;
                server.Backoff = server.Backoff.Failed(Now, asked);
            }

            return default;
        }
    }

    /// <summary>
    /// Whether the same request may succeed later. 401 is the response of a server that could not fetch this server's
    /// keys.
    /// </summary>
    private static bool IsOfTheMoment(FederationFailure failure) => failure.Kind switch
    {
        FederationFailureKind.NotFound or FederationFailureKind.Unreachable or FederationFailureKind.Tls
            or FederationFailureKind.TimedOut => true,
        FederationFailureKind.Refused => failure.Status is 401 or 408 or 429 or >= 500,
        _ => false,
    };

    private bool IsPaused(Server server)
    {
        lock (_gate) return server.Backoff.RetryAt > Now;
    }

    /// <summary>The server, used once more. Beyond the bound, the least recently used ones are dropped.</summary>
    private Server Use(string name)
    {
        lock (_gate)
        {
            if (_servers.TryGetValue(name, out var node))
            {
                _byUse.Remove(node);
                _byUse.AddLast(node);
            }
            else
            {
                node = _byUse.AddLast(
                    new Server(name, new SemaphoreSlim(options.FetchesOfServer), DestinationBackoff.Healthy(_pauses)));
                _servers.Add(name, node);
            }

            node.Value.Users++;
            while (_servers.Count > options.FetchServers && _byUse.First is { Value.Users: 0 } oldest)
            {
                _servers.Remove(oldest.Value.Name);
                _byUse.RemoveFirst();
            }

            return node.Value;
        }
    }

    /// <summary>A server that was asked.</summary>
    private sealed class Server(string name, SemaphoreSlim slots, DestinationBackoff backoff)
    {
        public string Name => name;

        public SemaphoreSlim Slots => slots;

        public DestinationBackoff Backoff { get; set; } = backoff;

        /// <summary>Whether its last response took long.</summary>
        public bool IsSlow { get; set; }

        /// <summary>The requests that run or wait.</summary>
        public int Users { get; set; }
    }
}
