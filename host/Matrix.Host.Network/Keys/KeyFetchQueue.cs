using System.Net;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// The running fetches of servers' keys: one of a server at a time, a bounded number at once for each kind of cause,
/// and none within a pause after the one before. Thread-safe.
/// </summary>
internal sealed class KeyFetchQueue(NetworkOptions options, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Fetch> _running = new(StringComparer.Ordinal);
    private readonly KeyFetchShares _shares = new(options);
    private readonly FetchPauses _pauses = new(options, time);
    private readonly FetchBudgets _budgets = new(options, time);
    private readonly CancellationTokenSource _closing = new();

    /// <summary>
    /// Runs a fetch, or waits for the one that runs. False if the server may not be asked now. The fetch returns
    /// whether it succeeded.
    /// </summary>
    internal async ValueTask<bool> RunAsync(
        string server, KeyFetchCause cause, Func<CancellationToken, ValueTask<bool>> fetch, CancellationToken stop)
    {
        Fetch? running;
        lock (_gate)
        {
            var isNew = !_running.TryGetValue(server, out running);
            if (isNew && (!_pauses.IsOver(server) || !_budgets.Take(cause))) return false;

            // A fetch that waits may begin in the place of another cause: an event does not wait for strangers, nor the
            // request of one address for those of another.
            if (running?.IsAwaitedBy(cause) != true && _shares.Enter(cause) is { } slot)
            {
                if (running is null) _running.Add(server, running = new Fetch(_closing.Token));
                running.AwaitedBy(cause);
                _ = BeginAsync(server, running, slot, fetch);
            }
        }

        if (running is null) return false;

        // A caller that goes away does not stop the fetch: others may wait for it.
        await running.Ended.Task.WaitAsync(stop);
        return true;
    }

    public void Dispose() => _closing.Cancel();

    /// <summary>Runs a fetch in a place, unless it began in another one first.</summary>
    private async Task BeginAsync(
        string server, Fetch running, KeyFetchShares.Slot slot, Func<CancellationToken, ValueTask<bool>> fetch)
    {
        using (slot)
        {
            // Not on the caller's stack, which holds the lock.
            await Task.Yield();
            await slot.WaitAsync(running.Waiting).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!running.TryBegin()) return;

            var fetched = FetchAsync(server, fetch);
            await fetched.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            lock (_gate) _running.Remove(server);
            running.Ended.SetFromTask(fetched);
        }
    }

    private async Task FetchAsync(string server, Func<CancellationToken, ValueTask<bool>> fetch)
    {
        try
        {
            _closing.Token.ThrowIfCancellationRequested();
            if (await fetch(_closing.Token)) _pauses.Succeeded(server);
            else _pauses.Failed(server);
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // Nobody needs it any more.
        }
    }

    /// <summary>A fetch that waits or runs.</summary>
    private sealed class Fetch
    {
        private readonly CancellationTokenSource _waiting;
        private readonly HashSet<(KeyFetchShare, IPAddress?)> _places = [];
        private int _hasBegun;

        internal Fetch(CancellationToken closing)
        {
            _waiting = CancellationTokenSource.CreateLinkedTokenSource(closing);
            Waiting = _waiting.Token;
        }

        /// <summary>Cancelled when it begins.</summary>
        internal CancellationToken Waiting { get; }

        internal TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Whether it has begun, or waits in a place for this cause.</summary>
        internal bool IsAwaitedBy(KeyFetchCause cause) =>
            Volatile.Read(ref _hasBegun) == 1 || _places.Contains(PlaceOf(cause));

        /// <summary>It waits in a place for this cause.</summary>
        internal void AwaitedBy(KeyFetchCause cause) => _places.Add(PlaceOf(cause));

        /// <summary>Whether this is the first to begin it.</summary>
        internal bool TryBegin()
        {
            if (Interlocked.Exchange(ref _hasBegun, 1) == 1) return false;
            _waiting.Cancel();
            _waiting.Dispose();
            return true;
        }

        private static (KeyFetchShare, IPAddress?) PlaceOf(KeyFetchCause cause) =>
            (cause.Share, cause.AskedBy is { } address ? AddressBlock.Of(address) : null);
    }
}
