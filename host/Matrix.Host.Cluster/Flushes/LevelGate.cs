using System.Diagnostics;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Cluster.Flushes;

/// <summary>
/// Lets requests in while this node has read what the others committed. Answers of other nodes wait a second for this
/// one: if it was not level with the sequence within the last second, it holds its requests. After two more seconds it
/// refuses them: so a token that was revoked ends everywhere.
/// </summary>
public sealed class LevelGate(NodeLink link, ClusterMetrics metrics)
{
    /// <summary>How long a request waits.</summary>
    private static readonly TimeSpan _longestHold = StorageLevel.Longest - AppliedPositions.LongestWait;

    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(20);

    private readonly IFlushFollower _follower = link.Follower;

    /// <summary>Whether this node has read what was committed until a second ago.</summary>
    private bool IsLevel => Stopwatch.GetElapsedTime(_follower.LevelAt) < AppliedPositions.LongestWait;

    /// <summary>Whether a request may be answered. False if this node could not compare itself for too long.</summary>
    public ValueTask<bool> EnterAsync(CancellationToken stop) =>
        IsLevel ? ValueTask.FromResult(true) : HoldAsync(stop);

    private async ValueTask<bool> HoldAsync(CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        try
        {
            while (Stopwatch.GetElapsedTime(since) < _longestHold)
            {
                _follower.Look();
                await Task.Delay(_lookAgain, stop);
                if (IsLevel) return true;
            }

            return false;
        }
        finally
        {
            metrics.Held("level", since);
        }
    }
}
