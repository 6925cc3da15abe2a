using System.Diagnostics;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// The writer: takes what waits, sends it as one batch, which is one transaction and one round trip; it takes two if a change's outcome is looked
/// at, and one more for a batch with preconditions. Every transaction moves the one row of the sequence first: so positions are in commit order whoever
/// writes, and after a lost connection that row says whether the last transaction was kept. Outcomes are known before the commit is sent, so that what
/// was kept can be answered even if the answer to the commit was lost.
/// </summary>
internal sealed class PostgresWriter : StorageWriter
{
    /// <summary>How often a database that was lost in the middle of a commit is looked for.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Each process begins so far above what was written before it. A process that lost its database to another one so sees from the sequence's
    /// position whose it is.
    /// </summary>
    private const long Apart = 1 << 20;

    private static readonly Statement Advance = Statement.Of("UPDATE sequence SET position = $1 WHERE one = 1");

    private readonly PostgresOwner _owner;
    private readonly WriteHandlers _handlers;
    private readonly PostgresWrites _writes = new();
    private readonly Task _loop;

    /// <summary>The batches, already answered, of a commit of which nobody knows yet whether it was kept, and its position.</summary>
    private (List<WriteBatch> Batches, long Last)? _doubt;

    /// <summary>Whether the commit of the transaction under way has been sent.</summary>
    private bool _committing;

    public PostgresWriter(PostgresOwner owner, WriteHandlers handlers, StorageOptions options, WriterMetrics metrics)
        : base(options, metrics)
    {
        _owner = owner;
        _handlers = handlers;
        StartAt(owner.Position);
        LastPosition += Apart;
        metrics.Watch(() => Queue.Count, () => PublishedPosition);
        _loop = Task.Run(RunAsync);
    }

    public override async ValueTask DisposeAsync()
    {
        Queue.Close();
        await _loop;
        _writes.Dispose();
        Queue.Dispose();
    }

    private async Task RunAsync()
    {
        var batches = new List<WriteBatch>(Options.MaxSetsPerFlush);
        var run = new List<WriteBatch>(Options.MaxSetsPerFlush);
        while (true)
        {
            if (Queue.TryTake(batches))
            {
                await FlushAllAsync(batches, run);
                batches.Clear();
            }
            else if (Queue.IsClosed)
            {
                break;
            }
            else if (_doubt is null)
            {
                await Queue.WaitAsync();
            }
            else if (!await Queue.WaitAsync(LookAgain))
            {
                await ConnectAsync();
            }
        }

        FailWaiting(new StorageException(StorageFailure.Closed, "The store is closed."));
    }

    // In order of submission: runs of plain batches together, each batch with preconditions by itself.
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

    private async Task FlushAsync(List<WriteBatch> batches)
    {
        DropBroken(batches);
        if (batches.Count == 0)
        {
            return;
        }

        var started = Stopwatch.GetTimestamp();
        var (failure, again) = await TryAsync(batches);
        if (again)
        {
            // The connection was lost and is there again, and nothing of it was kept: as if it had not been tried.
            (failure, _) = await TryAsync(batches);
        }

        if (failure is null)
        {
            Metrics.Flushed(started, batches.Count);
            Publish(batches);
            return;
        }

        Metrics.Failed(failure.Failure);
        if (failure.Failure != StorageFailure.Rejected || batches.Count == 1)
        {
            FailAll(batches, failure);
            return;
        }

        // One of them breaks a rule: each for itself, so that it fails alone.
        foreach (var batch in batches.ToArray())
        {
            await FlushAsync([batch]);
        }
    }

    /// <summary>One transaction. What was thrown is answered: nothing of it was kept then.</summary>
    private async Task<(StorageException? Failure, bool Again)> TryAsync(List<WriteBatch> batches)
    {
        // Positions of a transaction that is not kept are not given out again.
        var last = LastPosition + batches.Count;
        _committing = false;
        var (connection, unavailable) = await ConnectAsync();
        if (connection is null)
        {
            return (unavailable, false);
        }

        try
        {
            _writes.Begin(Options.Time.GetUtcNow().ToUnixTimeMilliseconds());
            if (batches.Count == 1 && batches[0].Preconditions.Count > 0)
            {
                await RequireAsync(batches[0], connection);
                return default;
            }

            var inSteps = batches.Exists(HasOutcome);
            if (inSteps)
            {
                _writes.Run("BEGIN");
            }

            _writes.Run(Advance, last, static (a, last) => a.Int(last));
            var position = LastPosition;
            foreach (var batch in batches)
            {
                Apply(batch, ++position);
            }

            if (inSteps)
            {
                await CommitAsync(connection, outcomesFirst: true);
            }
            else
            {
                // Without a BEGIN the batch is a transaction of its own.
                _committing = true;
                await _writes.SendAsync(connection);
            }

            return default;
        }
        catch (Exception fault) when (PostgresFault.IsOne(fault) || fault is StorageException)
        {
            return await SettleAsync(batches, last, fault);
        }
#pragma warning disable CA1031 // A fault in building one statement is that batch's, not the writer's end.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            return (new StorageException(StorageFailure.Rejected, $"A write could not be carried out: {fault.Message}", fault), false);
        }
        finally
        {
            LastPosition = last;
        }
    }

    /// <summary>The connection, or why there is none. What was in doubt is known once there is one.</summary>
    private async Task<(NpgsqlConnection? Connection, StorageException? Failure)> ConnectAsync()
    {
        try
        {
            var connection = await _owner.ConnectionAsync();
            if (_owner.Position > LastPosition)
            {
                _doubt = null;
                return (null, new StorageException(
                    StorageFailure.Refused, "Another process has written to the database while the connection was lost: this one knows too little of it."));
            }

            if (_doubt is { } doubt)
            {
                _doubt = null;
                if (_owner.Position == doubt.Last)
                {
                    Announce(doubt.Batches);
                }
            }

            return (connection, null);
        }
        catch (Exception fault) when (PostgresFault.IsOne(fault) || fault is StorageException)
        {
            return (null, PostgresFault.Of(fault, "writing"));
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

    private async Task CommitAsync(NpgsqlConnection connection, bool outcomesFirst)
    {
        if (outcomesFirst)
        {
            await _writes.SendAsync(connection);
        }

        _writes.Run("COMMIT");
        _committing = true;
        await _writes.SendAsync(connection);
    }

    private void Apply(WriteBatch batch, long position)
    {
        batch.Position = _writes.Position = position;
        foreach (var change in batch.Changes)
        {
            _handlers.Apply(change, _writes);
        }
    }

    private async Task RequireAsync(WriteBatch batch, NpgsqlConnection connection)
    {
        batch.Position = 0;
        _writes.Position = LastPosition + 1;
        _writes.Run("BEGIN");
        _writes.Run(Advance, LastPosition + 1, static (a, last) => a.Int(last));
        foreach (var precondition in batch.Preconditions)
        {
            _handlers.Apply(precondition, _writes);
        }

        await _writes.SendAsync(connection);
        if (!batch.Preconditions.All(precondition => precondition.Applied))
        {
            _writes.Run("ROLLBACK");
            await _writes.SendAsync(connection);
            batch.Chain?.Break();
            return;
        }

        Apply(batch, LastPosition + 1);
        await CommitAsync(connection, HasOutcome(batch));
    }

    /// <summary>A transaction failed. If the connection was lost, whether it was kept is found out first.</summary>
    private async Task<(StorageException? Failure, bool Again)> SettleAsync(List<WriteBatch> batches, long last, Exception fault)
    {
        var failure = PostgresFault.Of(fault, "writing");
        if (PostgresFault.IsAnswer(fault))
        {
            await _owner.AbandonTransactionAsync();
            return (failure, false);
        }

        for (var started = Stopwatch.GetTimestamp(); ; await Task.Delay(LookAgain))
        {
            try
            {
                await _owner.ReconnectAsync();
                break;
            }
            catch (Exception second) when (PostgresFault.IsOne(second) || second is StorageException)
            {
                if (!_committing)
                {
                    return (failure, false);
                }

                if (Queue.IsClosed || Stopwatch.GetElapsedTime(started).TotalMilliseconds >= Options.SettleWaitMs)
                {
                    _doubt = ([.. batches], last);
                    return (new StorageException(StorageFailure.Doubtful, failure.Message, fault), false);
                }
            }
        }

        // Kept, and everyone may hear of it; or not kept, and tried again.
        return _owner.Position == last ? default : (failure, _owner.Position < last);
    }
}
