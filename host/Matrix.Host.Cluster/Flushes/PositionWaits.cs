using System.Diagnostics;

namespace Matrix.Host.Cluster.Flushes;

/// <summary>
/// Those who wait for a position, in its order. All who wait for one position are woken at once, and nobody else is.
/// Thread-safe.
/// </summary>
internal sealed class PositionWaits
{
    private readonly Lock _gate = new();
    private readonly Queue<Wait> _waits = new();
    private Wait? _last;

    /// <summary>Completes when a position was reached, or the wait is ended.</summary>
    /// <param name="position">The position.</param>
    /// <param name="reached">What was reached: it may have been meanwhile.</param>
    public Task For(long position, Func<long> reached)
    {
        Wait wait;
        lock (_gate)
        {
            if (_last is { } last && _waits.Count > 0 && last.Position >= position) return last.Ended.Task;
            wait = _last = new Wait(position);
            _waits.Enqueue(wait);
        }

        Reached(reached());
        return wait.Ended.Task;
    }

    /// <summary>A position was reached.</summary>
    public void Reached(long position)
    {
        while (true)
        {
            Wait? done;
            lock (_gate)
            {
                if (!_waits.TryPeek(out done) || done.Position > position) return;
                _waits.Dequeue();
            }

            done.Ended.TrySetResult();
        }
    }

    /// <summary>Ends what waits too long.</summary>
    /// <param name="late">What waits so long is late.</param>
    /// <param name="most">What waits so long is ended.</param>
    /// <returns>A position for which somebody waits who is late; null if nobody is.</returns>
    public long? EndOlder(TimeSpan late, TimeSpan most)
    {
        long? lateFor = null;
        while (true)
        {
            Wait? done;
            lock (_gate)
            {
                if (!_waits.TryPeek(out done)) return lateFor;
                var waited = Stopwatch.GetElapsedTime(done.Since);
                if (waited >= late) lateFor = done.Position;
                if (waited < most) return lateFor;
                _waits.Dequeue();
            }

            done.Ended.TrySetResult();
        }
    }

    private sealed record Wait(long Position)
    {
        public long Since { get; } = Stopwatch.GetTimestamp();

        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
