using Matrix.Host.Parts;
using Matrix.Host.Storage.Ownership.Joining;

namespace Matrix.Host.Storage;

/// <summary>
/// The database's address, its owner, and every bound of this layer. The defaults suit a small machine.
/// </summary>
public sealed record StorageOptions
{
    [Setting(
        "database.url",
        "sqlite:FILE (relative to data_dir), or postgres://user:password@host:port/name. Each database belongs "
            + "to one server.",
        Form = SettingForm.DatabaseUrl, IsSecret = true)]
    public required string Url { get; init; }

    /// <summary>The folder that a relative SQLite path starts from.</summary>
    public required string DataDir { get; init; }

    /// <summary>The server's name, written into a new database. Another server's database is refused.</summary>
    public required string ServerName { get; init; }

    /// <summary>
    /// The last position that an import keeps for rows of the past: later ones come after it. 0 if nothing is imported.
    /// </summary>
    public long StartAfter { get; init; }

    /// <summary>The clock, for rows with a time.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    [Setting(
        "cluster.node",
        "PostgreSQL: this machine's name, if several may serve. One does; a server that starts beside it waits, and "
            + "takes over when that one ends or gives no sign of life. If it is empty, a second server is refused.",
        Scope = SettingScope.Node)]
    public string Node { get; init; } = "";

    [Setting(
        "cluster.take_over_after",
        "How long a server that waits sees no sign of life before it takes over.",
        Scope = SettingScope.Server)]
    public TimeSpan TakeOverAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Whether the nodes of a database serve at once, each its own shards. Otherwise one node serves, and others wait.
    /// </summary>
    public bool ServesTogether { get; init; }

    /// <summary>What a node that serves with others needs of them. The schema is completed when it is opened.</summary>
    public NodeTerms Terms { get; init; } = new();

    /// <summary>How often a node that serves with others looks for their flushes.</summary>
    public TimeSpan LooksForFlushes { get; init; } = TimeSpan.FromMilliseconds(200);

    [Setting(
        "cluster.keep_flushes",
        "How long the changes of a flush are kept for other nodes.",
        Scope = SettingScope.Server)]
    public TimeSpan KeepFlushes { get; init; } = TimeSpan.FromMinutes(1);

    [Setting(
        "cluster.flush_row_bytes",
        "The most bytes of a flush's changes that are kept for other nodes; beyond them these read the tables.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 256 << 20, Scope = SettingScope.Server)]
    public int MaxFlushRowBytes { get; init; } = 8 * 1024 * 1024;

    [Setting(
        "cluster.flush_time",
        "The time of one transaction after which the following ones are made smaller: it keeps all nodes waiting.",
        Scope = SettingScope.Server)]
    public TimeSpan LongestFlush { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Called when this server begins to wait for another node, with its name.</summary>
    public Action<string>? OnStandBy { get; init; }

    [Setting("database.readers", "Reading threads (SQLite) or connections (PostgreSQL).", Least = 1, Most = 256)]
    public int Readers { get; init; } = 4;

    [Setting("database.flush_batches", "The most writes in one transaction of the database.", Least = 1, Most = 10_000)]
    public int MaxBatchesPerFlush { get; init; } = 256;

    [Setting(
        "database.flush_bytes",
        "The approximate most bytes in one transaction.",
        Form = SettingForm.Bytes, Least = 64 << 10, Most = 256 << 20)]
    public int MaxBytesPerFlush { get; init; } = 4 * 1024 * 1024;

    [Setting("database.queued_writes", "The most writes that wait for the writer; more are refused.", Least = 16)]
    public int MaxQueuedBatches { get; init; } = 20_000;

    [Setting("database.queued_reads", "The most queries that wait for a reader; more are refused.", Least = 16)]
    public int MaxQueuedReads { get; init; } = 10_000;

    [Setting("database.read_time", "The longest time of one query; after that the request fails.")]
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

    [Setting(
        "database.sqlite_synchronous",
        "SQLite's `synchronous`. Anything less than FULL loses acknowledged messages in a power failure.",
        Words = ["FULL", "EXTRA", "NORMAL", "OFF"], IsHidden = true)]
    public string SqliteSynchronous { get; init; } = "FULL";

    [Setting(
        "limits.relation_depth",
        "Generations of relations that a request with `recurse` follows.",
        Least = 1, Most = 10)]
    public int MaxRelationDepth { get; init; } = 3;

    /// <summary>The most steps between a state and its checkpoint; a longer chain is reported as damage.</summary>
    public int MaxStepsPerLoad { get; init; } = 256;
}
