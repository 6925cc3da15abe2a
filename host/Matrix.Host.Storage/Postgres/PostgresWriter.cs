using System.Diagnostics;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>
/// The writer. It sends the waiting batches as one Npgsql batch, which is one transaction and one round trip. It takes
/// two round trips if a change reads its outcome, and one more for a batch with preconditions. Every transaction first
/// advances the single row of the sequence. So positions are in commit order whichever process writes, and after a lost
/// connection that row shows whether the last transaction was kept. Outcomes are known before the commit is sent, so a
/// kept transaction can be completed even if the reply to its commit was lost.
/// </summary>
internal sealed class PostgresWriter : StorageWriter
{
    /// <summary>The pause between reconnections after the connection was lost during a commit.</summary>
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Each process starts this far above the last position of the process before it. If the sequence's position is out
    /// of range, another process has taken the database.
    /// </summary>
    private const long Apart = 1 << 20;

    private static readonly Statement Advance = Statement.Of("UPDATE sequence SET position = $1 WHERE one = 1");

    private readonly PostgresOwner _owner;
    private readonly WriteHandlers _handlers;
    private readonly PostgresWrites _writes = new();
    private readonly Task _loop;

    /// <summary>
    /// The batches of a commit whose outcome is unknown, and its last position. The callers that waited for the batches
    /// have already failed with <see cref="StorageFailure.Doubtful"/>.
    /// </summary>
    private (List<WriteBatch> Batches, long Last)? _doubt;

    /// <summary>Whether the current transaction's commit has been sent.</summary>
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
        await EndRestorationsAsync();
        Queue.Close();
        await _loop;
        _writes.Dispose();
        Queue.Dispose();
    }

    private async Task RunAsync()
    {
        var batches = new List<WriteBatch>(Options.MaxBatchesPerFlush);
        var run = new List<WriteBatch>(Options.MaxBatchesPerFlush);
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

        FailWaiting();
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
            // The connection was lost and is back, and nothing was kept: try again.
            (failure, _) = await TryAsync(batches);
        }

        if (TryComplete(batches, failure, started))
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
        // Positions of a transaction that is not kept are not reused.
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
            await (batches is [{ Preconditions.Count: > 0 } alone]
                ? RequireAsync(alone, connection)
                : WriteAsync(batches, last, connection));
            return default;
        }
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault) || fault is StorageException)
        {
            return await SettleAsync(batches, last, fault);
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
            LastPosition = last;
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
            if (_owner.Position > LastPosition)
            {
                _doubt = null;
                return (null, new StorageException(
                    StorageFailure.Refused,
                    "Another process wrote to the database while the connection was lost. Restart this server."));
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
        catch (Exception fault) when (PostgresFault.IsDatabaseFault(fault) || fault is StorageException)
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

    /// <summary>Writes batches without preconditions as one transaction.</summary>
    private Task WriteAsync(List<WriteBatch> batches, long last, NpgsqlConnection connection)
    {
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
            return CommitAsync(connection, outcomesFirst: true);
        }

        // Without a BEGIN the batch is a transaction of its own.
        _committing = true;
        return _writes.SendAsync(connection);
    }

    /// <summary>Writes a batch as a transaction of its own, if its preconditions hold.</summary>
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

    /// <summary>
    /// Handles a failed transaction. If the connection was lost, this first finds out whether the transaction was kept.
    /// </summary>
    private async Task<(StorageException? Failure, bool Again)> SettleAsync(
        List<WriteBatch> batches, long last, Exception fault)
    {
        var failure = PostgresFault.Of(fault, "writing");
        if (PostgresFault.IsFromServer(fault))
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
            catch (Exception second) when (PostgresFault.IsDatabaseFault(second) || second is StorageException)
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

        // If the commit was kept, its batches are published; if not, they are written again.
        return _owner.Position == last ? default : (failure, _owner.Position < last);
    }
}
