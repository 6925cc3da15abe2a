using System.Runtime.CompilerServices;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Rooms.Transactions;

/// <summary>
/// Answers a repeated request with what the first one answered. Client-Server API, "Transaction identifiers". Requests under way are joined; those
/// of the past, up to a bound, are known in memory: they are read once at start, so that a request asks the database nothing, whether it was made
/// before or not.
/// </summary>
/// <param name="table">The requests on record.</param>
/// <param name="events">The ids of the events that they made.</param>
/// <param name="options">How many are known.</param>
public sealed class TransactionLog(ITransactionsTable table, IEventsTable events, RoomsOptions options) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, Transaction> _underWay = [];
    private readonly Dictionary<UInt128, EventNid> _past = [];
    private readonly Queue<UInt128> _order = new();
    private readonly SemaphoreSlim _loading = new(1, 1);
    private volatile bool _isLoaded;

    /// <summary>Does it once: what it, or the first request of this key, answered.</summary>
    /// <param name="key">What makes two requests the same.</param>
    /// <param name="act">Does it; it is remembered if it recorded its transaction and did not fail.</param>
    /// <param name="stop">Cancels waiting, not what is under way.</param>
    /// <returns>The id of the event that was made; empty if none was.</returns>
    public ValueTask<RoomResult<string>> OnceAsync(
        TransactionKey key, Func<Transaction, ValueTask<RoomResult<string>>> act, CancellationToken stop)
    {
        var request = key.Hash();
        return Begin(request, out _, out _) is { } mine ? DoAsync(request, mine, act) : AgainAsync(request, act, stop);
    }

    /// <inheritdoc/>
    public void Dispose() => _loading.Dispose();

    /// <summary>A transaction of one's own; else the first one's, which is under way or past; none of them if the past is yet to be read.</summary>
    private Transaction? Begin(UInt128 request, out Task<RoomResult<string>>? underWay, out EventNid? past)
    {
        lock (_gate)
        {
            (underWay, past) = (null, null);
            if (_past.TryGetValue(request, out var made)) past = made;
            if (past is not null || !_isLoaded) return null;
            if (_underWay.TryGetValue(request, out var first))
            {
                underWay = first.Result();
                return null;
            }

            var mine = new Transaction(request);
            _underWay.Add(request, mine);
            return mine;
        }
    }

    private async ValueTask<RoomResult<string>> AgainAsync(
        UInt128 request, Func<Transaction, ValueTask<RoomResult<string>>> act, CancellationToken stop)
    {
        while (true)
        {
            if (!_isLoaded) await LoadAsync(stop).ConfigureAwait(false);
            if (Begin(request, out var underWay, out var past) is { } mine) return await DoAsync(request, mine, act).ConfigureAwait(false);
            if (past is { } made) return await AnswerAsync(made, stop).ConfigureAwait(false);
            if (underWay is null) continue;
            try
            {
                return await underWay.WaitAsync(stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // Whoever asked first has gone before anything was written, as clients do that ask again: it is done for this one now.
            }
        }
    }

    private async ValueTask<RoomResult<string>> AnswerAsync(EventNid made, CancellationToken stop)
    {
        if (made.IsNone) return "";
        var ids = await events.IdsAsync([made], stop).ConfigureAwait(false);
        return ids.TryGetValue(made, out var eventId)
            ? eventId
            : new RoomFailure(RoomFailureKind.UnknownRoom, "The event that this request made is no longer here.");
    }

    // What it keeps while it waits for the disk is used again: the collector would move it else.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RoomResult<string>> DoAsync(
        UInt128 request, Transaction mine, Func<Transaction, ValueTask<RoomResult<string>>> act)
    {
        try
        {
            var result = await act(mine).ConfigureAwait(false);
            End(request, mine, result.IsOk)?.SetResult(result);
            return result;
        }
        catch (Exception fault)
        {
            // Perhaps it is on record all the same: that is looked up before anyone repeats it.
            if (fault is StorageException { Failure: StorageFailure.Doubtful }) _isLoaded = false;
            if (End(request, mine, isDone: false) is { } joined)
            {
                joined.SetException(fault);
                // Whoever joined sees it; it is thrown here all the same.
                _ = joined.Task.Exception;
            }

            throw;
        }
    }

    private TaskCompletionSource<RoomResult<string>>? End(UInt128 request, Transaction mine, bool isDone)
    {
        lock (_gate)
        {
            _underWay.Remove(request);
            if (isDone && mine.Made is { } made) Remember(request, made);
            return mine.Joined;
        }
    }

    private void Remember(UInt128 request, EventNid made)
    {
        if (!_past.TryAdd(request, made)) return;
        _order.Enqueue(request);
        if (_order.Count > options.RememberedTransactions) _past.Remove(_order.Dequeue());
    }

    private async ValueTask LoadAsync(CancellationToken stop)
    {
        await _loading.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            if (_isLoaded) return;
            var rows = await table.LatestAsync(options.RememberedTransactions, stop).ConfigureAwait(false);
            lock (_gate)
            {
                for (var i = rows.Count - 1; i >= 0; i--) Remember(rows[i].Request, rows[i].Event);
            }

            _isLoaded = true;
        }
        finally
        {
            _loading.Release();
        }
    }
}
