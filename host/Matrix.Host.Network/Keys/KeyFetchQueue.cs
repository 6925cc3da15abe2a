using System.Collections.Concurrent;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// The running fetches of servers' keys: one of a server at a time, a bounded number at once, and none within a pause
/// after the one before.
/// </summary>
internal sealed class KeyFetchQueue(NetworkOptions options, TimeProvider time) : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<Task>> _running = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _slots = new(options.MaxKeyFetches, options.MaxKeyFetches);
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
        if (_running.TryGetValue(server, out var running))
        {
            await running.Value.WaitAsync(stop).ConfigureAwait(false);
            return true;
        }

        if (_running.Count >= options.MaxKeyFetchesWaiting || !_pauses.IsOver(server) || !_budgets.Take(cause))
        {
            return false;
        }

        running = _running.GetOrAdd(server, new Lazy<Task>(() => FetchAsync(server, fetch)));
        // A caller that goes away does not stop the fetch: others may wait for it.
        await running.Value.WaitAsync(stop).ConfigureAwait(false);
        return true;
    }

    public void Dispose() => _closing.Cancel();

    private async Task FetchAsync(string server, Func<CancellationToken, ValueTask<bool>> fetch)
    {
        // Not on the caller's stack: the caller must have put the task into its place.
        await Task.Yield();
        try
        {
            await _slots.WaitAsync(_closing.Token).ConfigureAwait(false);
            try
            {
                if (await fetch(_closing.Token).ConfigureAwait(false)) _pauses.Succeeded(server);
                else _pauses.Failed(server);
            }
            finally
            {
                _slots.Release();
            }
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // Nobody needs it any more.
        }
        finally
        {
            _running.TryRemove(server, out _);
        }
    }
}
