using System.Diagnostics;

namespace Matrix.Host.Storage.Commits;

/// <summary>
/// The positions in tokens of clients. Another node may have given one that this node has not read yet: it waits for
/// it, briefly.
/// </summary>
public sealed class TokenPositions(IStorageWriter writer, IFlushFollower? follower = null)
{
    private static readonly TimeSpan _longestWait = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(5);

    /// <summary>
    /// Whether consumers have read up to a position. False for a token that belongs to a lost database, or to nobody.
    /// </summary>
    public ValueTask<bool> ReachAsync(long position, CancellationToken stop) =>
        position <= (follower?.Position ?? writer.PublishedPosition) ? ValueTask.FromResult(true)
        : follower is null ? ValueTask.FromResult(false)
        : WaitAsync(follower, position, stop);

    private static async ValueTask<bool> WaitAsync(IFlushFollower follower, long position, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        follower.Look();
        while (position > follower.Position)
        {
            // Level with the others since: no node has given this one.
            if (follower.LevelAt > since || Stopwatch.GetElapsedTime(since) > _longestWait) return false;
            await Task.Delay(_lookAgain, stop);
        }

        return true;
    }
}
