namespace Matrix.Host.Storage;

/// <summary>Where the database is, whose it is, and every bound of this layer. The defaults suit a small machine.</summary>
public sealed record StorageOptions
{
    /// <summary>`sqlite:FILE` (relative to <see cref="DataDir"/>) or `postgres://user:password@host:port/name`.</summary>
    public required string Url { get; init; }

    /// <summary>The folder that a relative SQLite file lies in.</summary>
    public required string DataDir { get; init; }

    /// <summary>The server's name, written into a new database. A database of another server is refused.</summary>
    public required string ServerName { get; init; }

    /// <summary>Where the time comes from, for rows that carry one.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>At most this many write sets in one database transaction.</summary>
    public int MaxSetsPerFlush { get; init; } = 256;

    /// <summary>A flush takes no further set once the sets it has are about this many bytes.</summary>
    public int MaxBytesPerFlush { get; init; } = 4 * 1024 * 1024;

    /// <summary>At most this many write sets wait; a further one fails with <see cref="Commits.StorageFailure.Overloaded"/>.</summary>
    public int MaxQueuedSets { get; init; } = 20_000;

    /// <summary>SQLite: threads that read. PostgreSQL: connections that read, at most.</summary>
    public int Readers { get; init; } = 4;

    /// <summary>SQLite: at most this many questions wait for a reader; a further one fails with <see cref="Commits.StorageFailure.Overloaded"/>.</summary>
    public int MaxQueuedReads { get; init; } = 10_000;

    /// <summary>
    /// A question that takes longer ends with <see cref="Commits.StorageFailure.TimedOut"/>, waiting for a reader not counted; zero for no bound.
    /// </summary>
    public TimeSpan LongestRead { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>SQLite: bytes of page cache of the writer's connection.</summary>
    public int WriterCacheBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>SQLite: bytes of page cache of each reader's connection.</summary>
    public int ReaderCacheBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>SQLite: how long a statement waits for a lock that another process holds. Milliseconds.</summary>
    public int BusyTimeoutMs { get; init; } = 2_000;

    /// <summary>
    /// PostgreSQL: how long to wait for the database at start when another process holds it, milliseconds. The server notices with a delay that a
    /// process is gone.
    /// </summary>
    public int OwnershipWaitMs { get; init; } = 5_000;

    /// <summary>
    /// PostgreSQL: when the connection is lost in the middle of a commit, how long those who wait for it wait until the database says whether it
    /// was kept, milliseconds. Beyond it they are answered <see cref="Commits.StorageFailure.Doubtful"/>.
    /// </summary>
    public int SettleWaitMs { get; init; } = 5_000;

    /// <summary>SQLite: an idle writer moves the write-ahead log into the database once it holds this many bytes.</summary>
    public long CheckpointIdleBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>SQLite: even a busy writer does so at this many bytes, so that the log stays bounded.</summary>
    public long CheckpointBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>SQLite: whether the pages of a commit go to the log in one write. Without it SQLite makes two for each page.</summary>
    public bool GatherLogWrites { get; init; } = true;

    /// <summary>SQLite: whether the writer's thread asks Linux (6.12 and later) for short slices of a processor.</summary>
    public bool ShortWriterSlices { get; init; } = true;

    /// <summary>
    /// SQLite: bytes of the write-ahead log that are laid out at start, so that commits do not also change the file's size; 0 for none.
    /// </summary>
    public long WalPreallocatedBytes { get; init; } = 16 * 1024 * 1024;

    /// <summary>SQLite: bytes per page of a new database.</summary>
    public int PageSize { get; init; } = 2048;

    /// <summary>SQLite: the database grows no further than this many bytes, writes fail with <see cref="Commits.StorageFailure.Full"/>; 0 for no bound.</summary>
    public long MaxDatabaseBytes { get; init; }

    /// <summary>SQLite: `PRAGMA synchronous`. Anything but FULL loses acknowledged events with the power; tests of that test alone set it.</summary>
    public string SqliteSynchronous { get; init; } = "FULL";

    /// <summary>How many generations of a relation (a reply to an edit of …) are followed at most when a question asks for recursion.</summary>
    public int MaxRelationDepth { get; init; } = 3;

    /// <summary>At most this many steps lie between a state and the checkpoint it is built on; a longer chain is reported as damage.</summary>
    public int MaxStepsPerLoad { get; init; } = 256;
}
