using Matrix.Host.Rooms.Caching;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Answers a repeated request with what the first one answered. Client-Server API, "Transaction identifiers". Requests under way are
/// joined; those of the past are found in memory, else when the database refuses to record the same request again, so that a request that is
/// made once, as most are, asks the database nothing. Where refusing would cost every request a round trip inside the flush, the database is
/// asked before instead: requests ask side by side.
/// </summary>
/// <param name="table">The results on record.</param>
/// <param name="asksFirst">Whether the database is asked before.</param>
/// <param name="options">How much is kept in memory.</param>
public sealed class TransactionLog(ITransactionsTable table, bool asksFirst, RoomsOptions options)
{
    private readonly Dictionary<TransactionKey, Task<RoomResult<string>>> _underWay = [];
    private readonly Lock _gate = new();
    private readonly ByteCache<TransactionKey, string> _recent = new(
        options.TransactionCacheBytes, eventId => 300 + (2L * eventId.Length));

    /// <summary>Does it once: the event id that it, or the first request of this key, made.</summary>
    /// <param name="key">What makes two requests the same.</param>
    /// <param name="act">Does it; its result is remembered unless it failed.</param>
    /// <param name="stop">Cancels waiting, not what is under way.</param>
    public async ValueTask<RoomResult<string>> OnceAsync(
        TransactionKey key, Func<ValueTask<RoomResult<string>>> act, CancellationToken stop)
    {
        while (true)
        {
            if (_recent.TryGet(key, out var known)) return known;

            TaskCompletionSource<RoomResult<string>> mine;
            Task<RoomResult<string>>? other;
            lock (_gate)
            {
                mine = new(TaskCreationOptions.RunContinuationsAsynchronously);
                if (!_underWay.TryGetValue(key, out other)) _underWay.Add(key, mine.Task);
            }

            if (other is null) return await DoAsync(key, mine, act).ConfigureAwait(false);
            try
            {
                return await other.WaitAsync(stop).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // Whoever asked first has gone before anything was written, as clients do that ask again: it is done for this one now.
            }
        }
    }

    private async ValueTask<RoomResult<string>> DoAsync(
        TransactionKey key, TaskCompletionSource<RoomResult<string>> mine, Func<ValueTask<RoomResult<string>>> act)
    {
        try
        {
            RoomResult<string> result = asksFirst && await FindAsync(key).ConfigureAwait(false) is { } before
                ? before
                : await act().ConfigureAwait(false);
            if (ReferenceEquals(result.Failure, RecordedBefore) && await FindAsync(key).ConfigureAwait(false) is { } past) result = past;
            if (result.IsOk) _recent.Put(key, result.Value);
            Remove(key);
            mine.SetResult(result);
            return result;
        }
        catch (Exception fault)
        {
            Remove(key);
            mine.SetException(fault);
            // Whoever joined sees it; if nobody did, it is thrown here all the same.
            _ = mine.Task.Exception;
            throw;
        }
    }

    private void Remove(TransactionKey key)
    {
        lock (_gate) _underWay.Remove(key);
    }

    /// <summary>Records a request with what it does: as a condition, unless the database was asked before.</summary>
    internal void Record(LaneTurn turn, TransactionKey key, EventNid made)
    {
        var record = new RecordTransaction(key, made, default);
        if (asksFirst) turn.Write(record);
        else turn.Require(record);
    }

    /// <summary>What <c>act</c> answers if its set was refused because the request is on record.</summary>
    internal static RoomFailure RecordedBefore { get; } = new(RoomFailureKind.BadState, "This transaction id was used for another request.");

    private async ValueTask<string?> FindAsync(TransactionKey key)
    {
        var row = await table.FindAsync(key, CancellationToken.None).ConfigureAwait(false);
        return row?.EventId;
    }
}
