using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Storage.Commits;

/// <summary>Why the store could not do it.</summary>
public enum StorageFailure
{
    /// <summary>The disk, or the database's own limit, is full.</summary>
    Full,

    /// <summary>Someone else holds a lock.</summary>
    Busy,

    /// <summary>The database cannot be reached, read or written.</summary>
    Unavailable,

    /// <summary>
    /// The database was lost in the middle of a commit and did not come back in time: nobody knows whether the batch was kept. If it was, observers
    /// hear of it once the database is there again.
    /// </summary>
    Doubtful,

    /// <summary>This batch breaks a rule of the schema (a duplicate key, text with a NUL). Other batches are not touched by it.</summary>
    Rejected,

    /// <summary>A batch before this one in the same <see cref="WriteChain"/> failed, so what this one builds on never came to be.</summary>
    ChainBroken,

    /// <summary>A question took longer than <see cref="StorageOptions.LongestRead"/>.</summary>
    TimedOut,

    /// <summary>Too much is waiting already.</summary>
    Overloaded,

    /// <summary>The store is closed or closing.</summary>
    Closed,

    /// <summary>The database is not one that this server may open: another server's, a newer schema's, in use, or none at all.</summary>
    Refused,
}

/// <summary>The store could not do it; nothing of the batch in question was kept, unless it is <see cref="StorageFailure.Doubtful"/>.</summary>
[SuppressMessage("Design", "CA1032", Justification = "A failure always has its kind.")]
public sealed class StorageException(StorageFailure failure, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Why.</summary>
    public StorageFailure Failure { get; } = failure;
}
