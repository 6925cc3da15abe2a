using System.Diagnostics;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Cluster.Flushes;

/// <summary>
/// Lets requests in while this node has read what the others committed. A node that was not level with the sequence
/// within the last second may not be waited for any more: it holds its requests, and asks to be waited for, before it
/// serves again. After three seconds it refuses them: so a token that was revoked ends everywhere.
/// </summary>
public sealed class LevelGate(AppliedPositions positions, NodeLink link) : IDisposable
{
    /// <summary>How old the last comparison with the sequence may be.</summary>
    internal static readonly TimeSpan LongestUnlevel = AppliedPositions.LongestWait;

    /// <summary>How long a request waits for one.</summary>
    private static readonly TimeSpan _longestHold = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan _lookAgain = TimeSpan.FromMilliseconds(20);

    private readonly IFlushFollower _follower = link.Follower;
    private readonly SemaphoreSlim _asking = new(1, 1);
    private long _confirmed;

    /// <summary>Whether this node has read what was committed until a second ago.</summary>
    public bool IsLevel => Stopwatch.GetElapsedTime(_follower.LevelAt) < LongestUnlevel;

    /// <summary>Whether a request may be answered. False if this node could not compare itself for too long.</summary>
    public ValueTask<bool> EnterAsync(CancellationToken stop) =>
        IsLevel && IsWaitedFor ? ValueTask.FromResult(true) : HoldAsync(stop);

    /// <inheritdoc/>
    public void Dispose() => _asking.Dispose();

    private bool IsWaitedFor => _follower.Lapses == Volatile.Read(ref _confirmed);

    private async ValueTask<bool> HoldAsync(CancellationToken stop)
    {
        for (var since = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(since) < _longestHold;)
        {
            if (IsLevel && (IsWaitedFor || await AskAsync(stop)) && IsLevel && IsWaitedFor) return true;
            _follower.Look();
            await Task.Delay(_lookAgain, stop);
        }

        return false;
    }

    private async ValueTask<bool> AskAsync(CancellationToken stop)
    {
        await _asking.WaitAsync(stop);
        try
        {
            var lapses = _follower.Lapses;
            if (lapses == _confirmed) return true;
            if (!await positions.AskToBeWaitedForAsync(stop)) return false;
            Volatile.Write(ref _confirmed, lapses);

            // What was committed before the others waited again has to be read as well.
            var askedAt = Stopwatch.GetTimestamp();
            _follower.Look();
            while (_follower.LevelAt < askedAt && Stopwatch.GetElapsedTime(askedAt) < LongestUnlevel)
            {
                await Task.Delay(_lookAgain, stop);
            }

            return _follower.LevelAt >= askedAt;
        }
        finally
        {
            _asking.Release();
        }
    }
}
