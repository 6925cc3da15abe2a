using System.Diagnostics;
using System.Globalization;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Sqlite;

/// <summary>
/// The writer's thread: it flushes the waiting batches in one transaction. When it is idle, or the log has grown
/// enough, it starts the checkpointer, and moves the remaining pages itself.
/// </summary>
internal sealed class SqliteWriter : StorageWriter
{
    // Positions are reserved in blocks: unused ones cost nothing, and most flushes do not write the counter.
    private const long Block = 10_000;
    private const int LogFrameHeader = 24;

    // The writer itself moves a remainder of this size, in a few milliseconds.
    private const int SmallRest = 2 * 1024 * 1024;

    // A busy writer may fill the log as fast as it is emptied. A commit that grows the log's file also syncs its length
    // and takes twice the time. So the writer moves a larger remainder rather than let the log grow.
    private const int LargestRest = 16 * 1024 * 1024;

    // A log of so many times the bytes at which it is moved makes the writer wait until it is.
    private const int MostLogs = 4;

    private static readonly TimeSpan IdleAfter = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromSeconds(1);
    private static readonly Statement Begin = Statement.Of("BEGIN IMMEDIATE");
    private static readonly Statement Commit = Statement.Of("COMMIT");
    private static readonly Statement Rollback = Statement.Of("ROLLBACK");
    private static readonly Statement Savepoint = Statement.Of("SAVEPOINT one_batch");
    private static readonly Statement Release = Statement.Of("RELEASE one_batch");
    private static readonly Statement RollbackTo = Statement.Of("ROLLBACK TO one_batch");
    private static readonly Statement Reserve = Statement.Of("UPDATE sequence SET position = $1 WHERE one = 1");

    private readonly SqliteConnection _connection;
    private readonly WriteHandlers _handlers;
    private readonly SqliteWrites _writes;
    private readonly Thread _thread;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SqliteCheckpointer _checkpointer;
    private readonly int _frameBytes;
    private long _reserved;
    private int _seenFrames;
    private int _checkpointedFrames;
    private bool _checkpointing;
    private long _failedAt;

    /// <param name="connection">The writer's connection.</param>
    /// <param name="checkpoint">The checkpointer's connection.</param>
    /// <param name="syncDatabase">Waits until the disk has all of the database.</param>
    public SqliteWriter(
        SqliteConnection connection, SqliteConnection checkpoint, Action syncDatabase, WriteHandlers handlers,
        StorageOptions options, WriterMetrics metrics)
        : base(options, metrics, new Publication(metrics))
    {
        _connection = connection;
        _handlers = handlers;
        _writes = new SqliteWrites(connection);
        _frameBytes = LogFrameHeader + connection.PageSize;
        _reserved = long.Parse(
            connection.Scalar("SELECT position FROM sequence WHERE one = 1") ?? "0", CultureInfo.InvariantCulture);
        StartAt(_reserved);
        metrics.Watch(() => Queue.Count, () => PublishedPosition);
        _checkpointer = new SqliteCheckpointer(
            checkpoint, syncDatabase, () => connection.LogFrames, SmallRest / _frameBytes, metrics);
        _thread = new Thread(Run) { Name = "storage writer", IsBackground = true };
        _thread.Start();
    }

    public override async ValueTask DisposeAsync()
    {
        await Publication.EndRestorationsAsync();
        Queue.Close();
        await _ended.Task;
        await Publication.DisposeAsync();
        _checkpointer.Dispose();
        Queue.Dispose();
    }

    private void Run()
    {
        var batches = new List<WriteBatch>(Options.MaxBatchesPerFlush);
        while (true)
        {
            if (Queue.TryTake(batches))
            {
                Flush(batches);
                batches.Clear();
                TendLog(Options.CheckpointBytes);
            }
            else if (Queue.IsClosed)
            {
                break;
            }
            else if (!Queue.Wait(HasLogToMove ? IdleAfter : Timeout.InfiniteTimeSpan))
            {
                TendLog(Options.CheckpointIdleBytes);
            }
        }

        End();
    }

    private void Flush(List<WriteBatch> batches)
    {
        DropBroken(batches);
        if (batches.Count == 0)
        {
            return;
        }

        var started = Stopwatch.GetTimestamp();
        var after = LastPosition;
        var failure = Try(batches);
        if (TryComplete(batches, after, failure, started))
        {
            return;
        }

        var alone = new List<WriteBatch>(1);
        foreach (var batch in batches.ToArray())
        {
            alone.Add(batch);
            Flush(alone);
            alone.Clear();
        }
    }

    /// <summary>Runs one transaction. The failure is returned if nothing was kept.</summary>
    private StorageException? Try(List<WriteBatch> batches)
    {
        var position = LastPosition;
        try
        {
            _writes.Begin(Options.Time.GetUtcNow().ToUnixTimeMilliseconds());
            Run(Begin);
            foreach (var batch in batches)
            {
                _writes.Position = position + 1;
                batch.IsOrphan = batch.Chain is { IsBroken: true };
                batch.Position = !batch.IsOrphan && Apply(batch) ? ++position : 0;
            }

            if (position > _reserved)
            {
                _writes.Run(Reserve, position + Block, static (a, reserved) => a.Int(reserved));
            }

            Run(Commit);
            LastPosition = position;
            if (position > _reserved)
            {
                _reserved = position + Block;
            }

            return null;
        }
        catch (StorageException fault)
        {
            if (_connection.SyncFailed)
            {
                SqliteFault.EndProcessOfLog(fault);
            }

            return Undo(fault);
        }
#pragma warning disable CA1031 // An exception while one statement is built fails its batch, not the writer.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            return Undo(NotBuilt(fault));
        }
    }

    private bool Apply(WriteBatch batch)
    {
        // A refused condition changes nothing, so only a batch with several can need a rollback.
        var several = batch.Preconditions.Count > 1;
        if (several)
        {
            Run(Savepoint);
        }

        foreach (var precondition in batch.Preconditions)
        {
            _handlers.Apply(precondition, _writes);
            if (!precondition.Applied)
            {
                if (several)
                {
                    Run(RollbackTo);
                    Run(Release);
                }

                batch.Chain?.Break();
                return false;
            }
        }

        if (several)
        {
            Run(Release);
        }

        foreach (var change in batch.Changes)
        {
            _handlers.Apply(change, _writes);
        }

        return true;
    }

    private StorageException Undo(StorageException fault)
    {
        try
        {
            if (_connection.InTransaction)
            {
                Run(Rollback);
            }

            return fault;
        }
        catch (StorageException second)
        {
            return new StorageException(
                StorageFailure.Unavailable, $"{fault.Message} Rolling back failed too: {second.Message}", fault);
        }
    }

    private void Run(Statement statement)
    {
        var prepared = _connection.Prepare(statement);
        try
        {
            _ = prepared.Step();
        }
        finally
        {
            prepared.Reset();
        }
    }

    private bool HasLogToMove => _checkpointing || IsLogLong(Options.CheckpointIdleBytes);

    private bool IsLogLong(long bytes)
    {
        // After a complete checkpoint the log starts again with the next commit, unless a reader still uses it.
        var frames = _connection.LogFrames;
        if (frames < _seenFrames)
        {
            _checkpointedFrames = 0;
        }

        _seenFrames = frames;
        return (long)(frames - _checkpointedFrames) * _frameBytes >= bytes;
    }

    /// <summary>
    /// Starts a checkpoint of a log with more bytes than this. Once it is done, moves the remainder, so that the log
    /// starts again.
    /// </summary>
    private void TendLog(long bytes)
    {
        var isLong = IsLogLong(bytes);
        var isTooLong = IsLogLong(MostLogs * Options.CheckpointBytes);
        if (_checkpointer.IsBusy)
        {
            // A reader that holds the log back, as a backup does, is not waited for.
            if (!isTooLong || _failedAt != 0) return;

            // The checkpoint's thread stalls while writes go on: they wait for it, so that the log stays bounded.
            _checkpointer.Wait();
        }

        if (_checkpointing)
        {
            _checkpointing = false;
            if (!MoveRest(isTooLong))
            {
                _failedAt = Stopwatch.GetTimestamp();
            }
        }
        else if (isLong && (_failedAt == 0 || Stopwatch.GetElapsedTime(_failedAt) >= TryAgainAfter))
        {
            _checkpointing = true;
            _checkpointer.Begin();
        }
    }

    /// <summary>
    /// Moves the remainder. Returns whether the whole log is in the database then. If a reader holds back most of the
    /// log, a later call moves it.
    /// </summary>
    /// <param name="isTooLong">Whether the remainder is moved even if that takes long.</param>
    private bool MoveRest(bool isTooLong)
    {
        var (moved, log) = (_checkpointer.Moved, _connection.LogFrames);
        if (moved < 0 || (log - moved > LargestRest / _frameBytes && !isTooLong))
        {
            return false;
        }

        try
        {
            var started = Stopwatch.GetTimestamp();
            if (moved < log && _connection.Checkpoint() < log)
            {
                return false;
            }

            Metrics.Checkpointed(started, beside: false);
        }
        catch (StorageException fault)
        {
            // As in the checkpointer: the log keeps everything.
            Metrics.Failed(fault.Failure);
            return false;
        }

        _checkpointedFrames = log;
        _failedAt = 0;
        return true;
    }

    private void End()
    {
        FailWaiting();
        try
        {
            // The server is closed in order: the next start continues with the next position.
            _writes.Run(Reserve, LastPosition, static (a, last) => a.Int(last));
        }
        catch (StorageException fault)
        {
            Metrics.Failed(fault.Failure);
        }

        _ended.SetResult();
    }
}
