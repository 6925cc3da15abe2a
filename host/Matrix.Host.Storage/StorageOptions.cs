namespace Matrix.Host.Storage;

/// <summary>
/// The database's address, its owner, and every bound of this layer. The defaults suit a small machine.
/// </summary>
public sealed record StorageOptions
{
    /// <summary>
    /// `sqlite:FILE` (relative to <see cref="DataDir"/>) or `postgres://user:password@host:port/name`.
    /// </summary>
    public required string Url { get; init; }

    /// <summary>The folder that a relative SQLite path starts from.</summary>
    public required string DataDir { get; init; }

    /// <summary>The server's name, written into a new database. Another server's database is refused.</summary>
    public required string ServerName { get; init; }

    /// <summary>The clock, for rows with a time.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>The most batches in one database transaction.</summary>
    public int MaxBatchesPerFlush { get; init; } = 256;

    /// <summary>A flush takes no further batch once its batches have about this many bytes.</summary>
    public int MaxBytesPerFlush { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// The most batches that wait; a further one fails with <see cref="Commits.StorageFailure.Overloaded"/>.
    /// </summary>
    public int MaxQueuedBatches { get; init; } = 20_000;

    /// <summary>SQLite: threads that read. PostgreSQL: the most connections that read.</summary>
    public int Readers { get; init; } = 4;

    /// <summary>
    /// SQLite: the most queries that wait for a reader; a further one fails with
    /// <see cref="Commits.StorageFailure.Overloaded"/>.
    /// </summary>
    public int MaxQueuedReads { get; init; } = 10_000;

    /// <summary>
    /// A query that takes longer ends with <see cref="Commits.StorageFailure.TimedOut"/>. Waiting for a reader does not
    /// count; zero means no bound.
    /// </summary>
    public TimeSpan LongestRead { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>SQLite: bytes of the writer connection's page cache.</summary>
    public int WriterCacheBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>SQLite: bytes of each reader connection's page cache.</summary>
    public int ReaderCacheBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>SQLite: the longest that a statement waits for another process's lock, in milliseconds.</summary>
    public int BusyTimeoutMs { get; init; } = 2_000;

    /// <summary>
    /// PostgreSQL: the longest wait at start for a database that another process holds, in milliseconds. The server is
    /// slow to notice that a process has ended.
    /// </summary>
    public int OwnershipWaitMs { get; init; } = 5_000;

    /// <summary>
    /// PostgreSQL: when the connection is lost during a commit, the longest that its submitters wait for the outcome,
    /// in milliseconds. After that they get <see cref="Commits.StorageFailure.Doubtful"/>.
    /// </summary>
    public int SettleWaitMs { get; init; } = 5_000;

    /// <summary>
    /// SQLite: an idle writer moves the write-ahead log into the database once it has this many bytes.
    /// </summary>
    public long CheckpointIdleBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>SQLite: even a busy writer moves the log at this many bytes, so that it stays bounded.</summary>
    public long CheckpointBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>SQLite: the page size of a new database, in bytes.</summary>
    public int PageSize { get; init; } = 2048;

    /// <summary>
    /// SQLite: the greatest size of the database, in bytes; beyond it writes fail with
    /// <see cref="Commits.StorageFailure.Full"/>. 0 means no bound.
    /// </summary>
    public long MaxDatabaseBytes { get; init; }

    /// <summary>
    /// SQLite: `PRAGMA synchronous`. Anything but FULL loses acknowledged events when the power fails; only tests of
    /// that set it.
    /// </summary>
    public string SqliteSynchronous { get; init; } = "FULL";

    /// <summary>The most generations of relations (an edit of a reply to …) that a recursive query follows.</summary>
    public int MaxRelationDepth { get; init; } = 3;

    /// <summary>The most steps between a state and its checkpoint; a longer chain is reported as damage.</summary>
    public int MaxStepsPerLoad { get; init; } = 256;
}
