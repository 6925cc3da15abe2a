using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Storage.Commits;

/// <summary>The reason of a storage failure.</summary>
public enum StorageFailure
{
    /// <summary>The disk is full, or the database has reached its own limit.</summary>
    Full,

    /// <summary>Another process holds a lock.</summary>
    Busy,

    /// <summary>The database cannot be reached, read or written.</summary>
    Unavailable,

    /// <summary>
    /// The connection was lost during a commit and did not come back in time: whether the batch was kept is unknown. If
    /// it was, consumers read it once the database is back.
    /// </summary>
    Doubtful,

    /// <summary>
    /// This batch violates the schema (a duplicate key). Other batches are not affected.
    /// </summary>
    Rejected,

    /// <summary>
    /// An earlier batch of the same <see cref="WriteChain"/> failed, so the changes that this one builds on do not
    /// exist.
    /// </summary>
    ChainBroken,

    /// <summary>A query took longer than <see cref="StorageOptions.LongestRead"/>.</summary>
    TimedOut,

    /// <summary>Too many requests are already waiting.</summary>
    Overloaded,

    /// <summary>The store is closed or closing.</summary>
    Closed,

    /// <summary>This node does not own the shard of what the batch changes, or of the memory that decides it.</summary>
    NotOwned,

    /// <summary>
    /// This server may not open the database: it belongs to another server, has a newer schema, is in use, or does not
    /// exist.
    /// </summary>
    Refused,
}

/// <summary>
/// A storage failure. Nothing of the batch was kept, unless the failure is <see cref="StorageFailure.Doubtful"/>.
/// </summary>
[SuppressMessage("Design", "CA1032", Justification = "A failure always has its kind.")]
public sealed class StorageException(StorageFailure failure, string message, Exception? inner = null)
    : Exception(message, inner)
{
    /// <summary>The reason.</summary>
    public StorageFailure Failure { get; } = failure;

    /// <summary>The authority whose shard is elsewhere, if the failure is <see cref="StorageFailure.NotOwned"/>.
    /// </summary>
    public Authority Owner { get; init; }
}
