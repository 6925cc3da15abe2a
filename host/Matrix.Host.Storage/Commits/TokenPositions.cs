namespace Matrix.Host.Storage.Commits;

/// <summary>
/// The positions in tokens of clients. Another node may have given one that this node has not read yet: it waits for
/// it, briefly.
/// </summary>
public sealed class TokenPositions(IStorageWriter writer, IFlushFollower? follower = null)
{
    private static readonly TimeSpan _longestWait = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Whether consumers have read up to a position. False for a token that belongs to a lost database, or to nobody.
    /// </summary>
    public ValueTask<bool> ReachAsync(long position, CancellationToken stop) =>
        follower?.ReachAsync(position, _longestWait, stop)
            ?? ValueTask.FromResult(position <= writer.PublishedPosition);
}
