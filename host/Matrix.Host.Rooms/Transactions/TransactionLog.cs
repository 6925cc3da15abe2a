using System.Runtime.CompilerServices;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Rooms.Transactions;

/// <summary>
/// Gives a repeated request the result of the first one. v1.19 client-server-api#transaction-identifiers. A repetition
/// of a running request waits for its result. The latest finished requests, up to a limit, are in memory: they are read
/// from the database once, so no request reads the database to find out whether it is a repetition. Other nodes may
/// have carried out requests of a shard before it was opened here: then those since the last time are read.
/// </summary>
public sealed class TransactionLog(
    TransactionsTable table, IEventsTable events, IStorageWriter writer, ShardGates gates, RoomsOptions options)
    : IDisposable
{
    private const long Never = -1;

    private readonly Lock _gate = new();
    private readonly Dictionary<UInt128, Transaction> _underWay = [];
    private readonly Dictionary<UInt128, EventNid> _past = [];
    private readonly Queue<UInt128> _order = new();
    private readonly SemaphoreSlim _loading = new(1, 1);

    /// <summary>How often shards had been opened when the finished requests were read.</summary>
    private long _loadedAt = Never;

    /// <summary>The position up to which they were read.</summary>
    private long _readThrough;

    /// <summary>How many requests ended without it being known whether they were recorded.</summary>
    private long _inDoubt;

    /// <summary>Of how many of these it has become known.</summary>
    private long _settled;

    /// <summary>Carries out the request, unless a request with the same key was carried out or is running.</summary>
    /// <param name="authority">The room of the event that it makes, or the user if it makes none.</param>
    /// <param name="act">Carries out the request. It is remembered if it recorded its transaction and
    /// succeeded.</param>
    /// <param name="stop">Cancels waiting for another request, not the running request.</param>
    /// <returns>The id of the event that the request made, or an empty string.</returns>
    /// <exception cref="StorageException">Another node has the shard of the authority.</exception>
    public ValueTask<RoomResult<string>> OnceAsync(
        Authority authority,
        TransactionKey key,
        Func<Transaction, ValueTask<RoomResult<string>>> act,
        CancellationToken stop)
    {
        var request = key.Hash();
        var visit = gates.Enter(authority);
        return Begin(request, visit.Opening, out _, out _) is { } mine
            ? DoAsync(request, mine, act, visit)
            : AgainAsync(request, act, visit, stop);
    }

    /// <inheritdoc/>
    public void Dispose() => _loading.Dispose();

    /// <summary>
    /// Starts a transaction, or finds the running or finished request with the same key. If the finished requests have
    /// not been read since the shard was opened, all three are null.
    /// </summary>
    private Transaction? Begin(
        UInt128 request, long opening, out Task<RoomResult<string>>? underWay, out EventNid? past)
    {
        lock (_gate)
        {
            (underWay, past) = (null, null);
            if (_past.TryGetValue(request, out var made)) past = made;
            if (past is not null || _loadedAt < opening) return null;
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
        UInt128 request, Func<Transaction, ValueTask<RoomResult<string>>> act, ShardVisit visit, CancellationToken stop)
    {
        using var inside = visit;
        while (true)
        {
            await LoadAsync(visit.Opening, stop);
            if (Begin(request, visit.Opening, out var underWay, out var past) is { } mine)
            {
                return await DoAsync(request, mine, act, default);
            }

            if (past is { } made) return await AnswerAsync(made, stop);
            if (underWay is null) continue;
            try
            {
                return await underWay.WaitAsync(stop);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                // The client of the first request has gone and nothing was written. This repetition carries it out.
            }
        }
    }

    private async ValueTask<RoomResult<string>> AnswerAsync(EventNid made, CancellationToken stop)
    {
        if (made.IsNone) return "";
        var ids = await events.IdsAsync([made], stop);
        return ids.TryGetValue(made, out var eventId)
            ? eventId
            : new RoomFailure(RoomFailureKind.UnknownRoom, "The event that this request made is no longer here.");
    }

    // Reuses the memory that each call holds while it waits for the disk, which the collector would move otherwise.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RoomResult<string>> DoAsync(
        UInt128 request, Transaction mine, Func<Transaction, ValueTask<RoomResult<string>>> act, ShardVisit visit)
    {
        try
        {
            var result = await act(mine);
            End(request, mine, result.IsOk)?.SetResult(result);
            return result;
        }
        catch (Exception fault)
        {
            // The request may have been recorded: the log is read again before a repetition is carried out.
            if (fault is StorageException { Failure: StorageFailure.Doubtful })
            {
                lock (_gate)
                {
                    _loadedAt = Never;
                    _inDoubt++;
                }
            }

            if (End(request, mine, isDone: false) is { } joined)
            {
                joined.SetException(fault);
                // The repetitions get the exception, which counts as observed. It is thrown here too.
                _ = joined.Task.Exception;
            }

            throw;
        }
        finally
        {
            visit.Dispose();
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

    /// <summary>Reads the finished requests, unless they were read since the shard was opened.</summary>
    private async ValueTask LoadAsync(long opening, CancellationToken stop)
    {
        if (IsLoaded(opening)) return;
        await _loading.WaitAsync(stop);
        try
        {
            if (IsLoaded(opening)) return;
            var openings = gates.Openings;
            var inDoubt = InDoubt;
            if (inDoubt != _settled)
            {
                // The server may commit what is in doubt yet. An empty batch comes after it.
                await writer.WriteAsync(new WriteBatch(Authority.Nobody, capacity: 0), stop);
                _settled = inDoubt;
            }

            var through = writer.PublishedPosition;
            var rows = await table.LatestAsync(options.RememberedTransactions, _readThrough, stop);
            lock (_gate)
            {
                for (var i = rows.Count - 1; i >= 0; i--) Remember(rows[i].Request, rows[i].Event);

                // One that has come into doubt meanwhile may not be among them.
                if (_inDoubt == inDoubt) _loadedAt = openings;
            }

            _readThrough = through;
        }
        finally
        {
            _loading.Release();
        }
    }

    private long InDoubt
    {
        get
        {
            lock (_gate) return _inDoubt;
        }
    }

    private bool IsLoaded(long opening)
    {
        lock (_gate) return _loadedAt >= opening;
    }
}
