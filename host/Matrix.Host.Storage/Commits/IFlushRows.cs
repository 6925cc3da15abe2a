namespace Matrix.Host.Storage.Commits;

/// <summary>Reads the flushes of all nodes, as the database has them.</summary>
internal interface IFlushRows : IAsyncDisposable
{
    /// <summary>Called with what was read, on any thread. Set once.</summary>
    Action<FoundFlushes>? OnRead { set; }

    /// <summary>
    /// Reads the flushes after a position, soon and beside the caller. If it fails, it is tried again.
    /// </summary>
    void ReadAfter(long position);
}

/// <summary>Flushes that were read at one moment, in their order.</summary>
/// <param name="Through">Up to here there are no others. What lies between them is not there any more.</param>
/// <param name="HasMore">Whether more of them are there.</param>
/// <param name="LookedAt">A timestamp of <see cref="System.Diagnostics.Stopwatch"/> before they were read.</param>
internal sealed record FoundFlushes(
    IReadOnlyList<FoundFlush> Flushes, long Through, bool HasMore = false, long LookedAt = 0);

/// <summary>A flush as the database has it.</summary>
/// <param name="After">The position of the sequence before it.</param>
/// <param name="Last">Its own last position.</param>
/// <param name="IsOwn">Whether this process wrote it.</param>
/// <param name="Changes">Its changes; null if they were too many to be written.</param>
internal sealed record FoundFlush(long After, long Last, bool IsOwn, ReadOnlyMemory<byte>? Changes);
