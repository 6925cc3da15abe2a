using System.Diagnostics;

namespace Matrix.Host.Storage.Commits;

/// <summary>
/// The positions in tokens of clients. Another node may have given one that this node has not read yet: it waits for
/// it, briefly.
/// </summary>
public sealed class TokenPositions(IStorageWriter writer, IFlushFollower? follower = null)
{
    private static readonly TimeSpan _longestWait = TimeSpan.FromSeconds(2);

    /// <summary>Whether other nodes serve this server's clients too.</summary>
    public bool HasOtherNodes => follower is not null;

    /// <summary>
    /// Whether consumers have read up to a position. False for a token that belongs to a lost database, or to nobody.
    /// </summary>
    /// <exception cref="StorageException">This node cannot read what others write: nobody knows whether the token is
    /// one of theirs.</exception>
    public ValueTask<bool> ReachAsync(long position, CancellationToken stop) => follower is null
        ? ValueTask.FromResult(position <= writer.PublishedPosition)
        : ReachAsync(follower, position, stop);

    private static async ValueTask<bool> ReachAsync(IFlushFollower follower, long position, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        if (await follower.ReachAsync(position, _longestWait, stop)) return true;
        if (follower.LevelAt > since) return false;
        throw new StorageException(
            StorageFailure.Unavailable, "This node has not read what other nodes wrote for two seconds.");
    }
}
