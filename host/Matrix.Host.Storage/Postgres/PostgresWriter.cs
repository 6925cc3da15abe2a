using System.Diagnostics;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Statements;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// The writer. It sends the waiting batches as one Npgsql batch, which is one transaction and one round trip. It takes
/// two round trips if a change reads its outcome, and one more for a batch with preconditions. Every transaction first
/// advances the single row of the sequence, and proves that this process may write (<see cref="WriteClaim"/>). So
/// positions are in commit order whichever process writes, and after a lost connection the claim knows whether the last
/// transaction was kept. Outcomes are known before the commit is sent, so a kept transaction can be completed even if
/// the reply to its commit was lost.
/// </summary>
internal sealed class PostgresWriter : StorageWriter
{
    /// <summary>The pause between reconnections after the connection was lost during a commit.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    /// <summary>How often a transaction is sent again that was not kept.</summary>
    private const int Repeats = 3;

    private readonly PostgresOwner _owner;
    private readonly WriteClaim _claim;
    private readonly WriteHandlers _handlers;
    private readonly PostgresWrites _writes = new();
    private readonly Task _loop;

    /// <summary>
    /// The batches of a commit whose outcome is unknown, and its last position. The callers that waited for the batches
    /// have already failed with <see cref="StorageFailure.Doubtful"/>.
    /// </summary>
    private (List<WriteBatch> Batches, long After, long Last)? _doubt;

    /// <summary>The position of the sequence before the current transaction.</summary>
    private long _after;

    /// <summary>The last position of the current transaction; the greatest number until it is known.</summary>
    private long _last;

    /// <summary>What other nodes are told of the current transaction, once it is committed.</summary>
    private FlushNews? _news;

    /// <summary>When others saw the last time that this process lives.</summary>
    private long _signed = Stopwatch.GetTimestamp();

    private readonly TaskCompletionSource<StorageException> _lost =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether the current transaction's commit has been sent.</summary>
    private bool _committing;

    public PostgresWriter(
        PostgresOwner owner, WriteHandlers handlers, StorageOptions options, WriterMetrics metrics,
        IPublication publication)
        : base(options, metrics, publication)
    {
        _owner = owner;
        _claim = owner.Claim;
        _handlers = handlers;
        StartAt(_claim.Position);
        LastPosition += _claim.Apart;
        metrics.Watch(() => Queue.Count, () => PublishedPosition);
        _loop = Task.Run(RunAsync);
    }

    /// <summary>Completes when another process writes instead of this one, with the reason.</summary>
    public Task<StorageException> Lost => _lost.Task;

    public override async ValueTask DisposeAsync()
    {
        await Publication.EndRestorationsAsync();
        Queue.Close();
        await _loop;
        await Publication.DisposeAsync();
        _writes.Dispose();
        Queue.Dispose();
    }

    private async Task RunAsync()
    {
        var batches = new List<WriteBatch>(Options.MaxBatchesPerFlush);
        var run = new List<WriteBatch>(Options.MaxBatchesPerFlush);
        try
        {
            await RunAsync(batches, run);
        }
#pragma warning disable CA1031 // Nobody else would learn of it: whoever waits gets an answer, and the server ends.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            FailAll(batches, NotBuilt(fault));
            _lost.TrySetResult(
                new StorageException(StorageFailure.Refused, $"The writer failed: {fault.Message}", fault));
            Queue.Close();
        }

        FailWaiting();
    }

    private async Task RunAsync(List<WriteBatch> batches, List<WriteBatch> run)
    {
        while (true)
        {
            while (!await Publication.WaitForRoomAsync(LookAgain) && !Queue.IsClosed)
            {
            }

            if (Queue.TryTake(batches))
            {
                await FlushAllAsync(batches, run);
                batches.Clear();

                // A flush of which nothing was kept is no sign of life.
                if (_claim.BeatsEvery is { } most && Stopwatch.GetElapsedTime(_signed) > most) await BeatAsync();
            }
            else if (Queue.IsClosed)
            {
                break;
            }
            else if (_doubt is not null)
            {
                if (!await Queue.WaitAsync(LookAgain)) await ConnectAsync();
            }
            else if (_claim.BeatsEvery is { } pause && !_lost.Task.IsCompleted)
            {
                if (!await Queue.WaitAsync(pause)) await BeatAsync();
            }
            else
            {
                await Queue.WaitAsync();
            }
        }
    }

    // Keeps the order of submission: consecutive plain batches go together, each batch with preconditions goes alone.
    private async Task FlushAllAsync(List<WriteBatch> batches, List<WriteBatch> run)
    {
        foreach (var batch in batches)
        {
            if (batch.Preconditions.Count > 0)
            {
                await FlushAsync(run);
                run.Clear();
                run.Add(batch);
                await FlushAsync(run);
                run.Clear();
            }
            else
            {
                run.Add(batch);
            }
        }

        await FlushAsync(run);
        run.Clear();
    }

    /// <summary>Removes and fails the batches of shards that another node owns.</summary>
    private void DropForeign(List<WriteBatch> batches)
    {
        if (batches.TrueForAll(batch => _claim.ForeignOf(batch).IsNobody)) return;
        foreach (var foreign in batches.FindAll(batch => !_claim.ForeignOf(batch).IsNobody))
        {
            FailAll([foreign], ShardGates.NotOwned(_claim.ForeignOf(foreign)));
            batches.Remove(foreign);
        }
    }

    private async Task FlushAsync(List<WriteBatch> batches)
    {
        DropBroken(batches);
        DropForeign(batches);
        if (batches.Count == 0)
        {
            return;
        }

        var started = Stopwatch.GetTimestamp();
        var (failure, again) = await TryAsync(batches);
        for (var repeats = 0; again && repeats < Repeats; repeats++)
        {
            // The connection was lost and is back, or another process wrote, and nothing was kept: try again.
            (failure, again) = await TryAsync(batches);
        }

        if (_doubt is null && batches is [{ Preconditions.Count: > 0 } one])
        {
            _claim.Ended(one, failure is null && one.Position != 0);
        }

        if (_claim.LongestFlush is { } longest) Queue.Adapt(Stopwatch.GetElapsedTime(started), longest);
        if (TryComplete(batches, _after, failure, started, _news))
        {
            return;
        }

        foreach (var batch in batches.ToArray())
        {
            await FlushAsync([batch]);
        }
    }

    /// <summary>Runs one transaction. The failure is returned if nothing was kept.</summary>
    private async Task<(StorageException? Failure, bool Again)> TryAsync(List<WriteBatch> batches)
    {
        _committing = false;
        _news = null;
        var (connection, unavailable) = await ConnectAsync();
        if (connection is null)
        {
            return (unavailable, false);
        }

        _last = long.MaxValue;
        try
        {
            _writes.Begin(Options.Time.GetUtcNow().ToUnixTimeMilliseconds());
            await (batches is [{ Preconditions.Count: > 0 } alone]
                ? RequireAsync(batches, alone, connection)
                : WriteAsync(batches, connection));
            return default;
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault) || fault is StorageException)
        {
            return await SettleAsync(batches, fault);
        }
#pragma warning disable CA1031 // An exception while one statement is built fails its batch, not the writer.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            // Later writes would be part of what was begun.
            if (_writes.HasSent) await _owner.AbandonTransactionAsync();
            return (NotBuilt(fault), false);
        }
        finally
        {
            // Positions that were known before the transaction are not used again if it is not kept.
            if (_last != long.MaxValue) LastPosition = _last;
        }
    }

    /// <summary>
    /// Returns the connection, or the reason why there is none. Reconnecting settles a commit in doubt.
    /// </summary>
    private async Task<(NpgsqlConnection? Connection, StorageException? Failure)> ConnectAsync()
    {
        try
        {
            var connection = await _owner.ConnectionAsync();
            if (_claim.IsLost(LastPosition))
            {
                _doubt = null;
                return (null, Loses());
            }

            if (_doubt is { } doubt)
            {
                _doubt = null;
                var isKept = _claim.IsKept(doubt.Last);
                if (doubt.Batches is [{ Preconditions.Count: > 0 } one]) _claim.Ended(one, isKept);
                if (isKept)
                {
                    Publication.KeptInDoubt(doubt.Batches, doubt.After);
                }
            }

            LastPosition = Math.Max(LastPosition, _claim.Position);
            return (connection, null);
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault) || fault is StorageException)
        {
            return (null, PostgresFault.Of(fault, "writing"));
        }
    }

    /// <summary>Gives a sign of life, and learns so whether this process may write still.</summary>
    private async Task BeatAsync()
    {
        var (connection, _) = await ConnectAsync();
        if (connection is null) return;
        try
        {
            if (await _claim.BeatAsync(connection)) _signed = Stopwatch.GetTimestamp();
            else _ = Loses();
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault))
        {
            // The next one, or the next write, connects again.
            await _owner.CloseAsync();
        }
    }

    private static bool HasOutcome(WriteBatch batch)
    {
        foreach (var change in batch.Changes)
        {
            if (change is ConditionalChange)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Begins a transaction. When this returns, its positions are known: it takes a round trip if another process has
    /// written since this one did.
    /// </summary>
    /// <param name="inSteps">Whether more than one round trip follows in any case.</param>
    /// <returns>Whether the transaction has to be committed by a statement.</returns>
    private async Task<bool> BeginAsync(int count, bool inSteps, NpgsqlConnection connection)
    {
        var isKnown = _claim.KnowsPosition;
        if (inSteps || !isKnown) _writes.Run("BEGIN");
        if (isKnown)
        {
            (_after, _last) = (_claim.After, LastPosition + count);
            _claim.Take(_writes, _last);
            return inSteps;
        }

        _claim.TakeNext(_writes, count, last => (_after, _last) = (last - count, last));
        await SendAsync(connection);
        return true;
    }

    /// <summary>Sends what was collected. It may have to wait for another process's transaction.</summary>
    private async Task SendAsync(NpgsqlConnection connection)
    {
        using (_claim.Sending(connection)) await _writes.SendAsync(connection);
    }

    private async Task CommitAsync(List<WriteBatch> batches, NpgsqlConnection connection, bool outcomesFirst)
    {
        if (outcomesFirst)
        {
            await SendAsync(connection);
        }

        _news = _claim.Log(_writes, batches, _after, _last);
        _writes.Run("COMMIT");
        _committing = true;
        await SendAsync(connection);
        Committed(_last);
    }

    private void Apply(WriteBatch batch, long position)
    {
        batch.Position = _writes.Position = position;
        foreach (var change in batch.Changes)
        {
            _handlers.Apply(change, _writes);
        }
    }

    /// <summary>Writes batches without preconditions as one transaction.</summary>
    private async Task WriteAsync(List<WriteBatch> batches, NpgsqlConnection connection)
    {
        var outcomesFirst = batches.Exists(HasOutcome);
        var inSteps = await BeginAsync(batches.Count, outcomesFirst, connection);
        var position = _last - batches.Count;
        foreach (var batch in batches)
        {
            Apply(batch, ++position);
        }

        if (inSteps)
        {
            await CommitAsync(batches, connection, outcomesFirst);
            return;
        }

        // Without a BEGIN the batch is a transaction of its own.
        _news = _claim.Log(_writes, batches, _after, _last);
        _committing = true;
        await SendAsync(connection);
        Committed(_last);
    }

    /// <summary>Writes a batch as a transaction of its own, if its preconditions hold.</summary>
    private async Task RequireAsync(List<WriteBatch> batches, WriteBatch batch, NpgsqlConnection connection)
    {
        batch.Position = 0;
        _claim.Sends(batch);
        _ = await BeginAsync(1, inSteps: true, connection);
        _writes.Position = _last;
        foreach (var precondition in batch.Preconditions)
        {
            _handlers.Apply(precondition, _writes);
        }

        await SendAsync(connection);
        if (!batch.Preconditions.All(precondition => precondition.Applied))
        {
            _writes.Run("ROLLBACK");
            await SendAsync(connection);
            batch.Chain?.Break();
            return;
        }

        Apply(batch, _last);
        await CommitAsync(batches, connection, HasOutcome(batch));
    }

    /// <summary>
    /// Handles a failed transaction. If the connection was lost, this first finds out whether the transaction was kept.
    /// </summary>
    private async Task<(StorageException? Failure, bool Again)> SettleAsync(List<WriteBatch> batches, Exception fault)
    {
        var failure = PostgresFault.Of(fault, "writing");
        if (PostgresFault.IsFromServer(fault))
        {
            await _owner.AbandonTransactionAsync();
            if (_claim.HasMoved(fault)) return (failure, true);
            return _claim.MustLook(fault) ? await LookAsync(failure) : (failure, false);
        }

        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(LookAgain))
        {
            try
            {
                await _owner.ReconnectAsync();
                break;
            }
            catch (Exception second) when (PostgresFault.IsDatabaseFault(second) || second is StorageException)
            {
                if (!_committing)
                {
                    return (failure, false);
                }

                if (Queue.IsClosed || Stopwatch.GetElapsedTime(started).TotalMilliseconds >= Options.SettleWaitMs)
                {
                    _doubt = ([.. batches], _after, _last);
                    return (new StorageException(StorageFailure.Doubtful, failure.Message, fault), false);
                }
            }
        }

        // If the commit was kept, its batches are published; if not, they are written again.
        if (_claim.IsKept(_last)) return default;
        if (!_claim.IsLost(_last)) return (failure, _claim.MayRepeat(_last));
        return (Loses(), false);
    }

    /// <summary>Another process writes instead of this one.</summary>
    private StorageException Loses()
    {
        _lost.TrySetResult(_claim.Lost());
        return _claim.Lost();
    }

    private void Committed(long last)
    {
        _claim.Committed(last);
        _signed = Stopwatch.GetTimestamp();
    }

    /// <summary>After another process took over, perhaps: whether this one may write still.</summary>
    private async Task<(StorageException? Failure, bool Again)> LookAsync(StorageException failure)
    {
        try
        {
            await _owner.LookAsync();
            if (!_claim.IsLost(LastPosition)) return (failure, true);
            return (Loses(), false);
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault) || fault is StorageException)
        {
            return (failure, false);
        }
    }
}
