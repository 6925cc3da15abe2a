namespace Matrix.Host.Streams.Notifying;

/// <summary>Waits for news with a timeout, until the server stops.</summary>
internal sealed class LongPolls(TimeProvider time)
{
    /// <summary>The longest timer; the framework's limit is 49 days.</summary>
    internal static readonly TimeSpan LongestTimer = TimeSpan.FromDays(1);

    private int _waiting;
    private volatile bool _draining;

    /// <summary>The number of waiting long-polls.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>Whether the server is stopping.</summary>
    public bool IsDraining => _draining;

    /// <summary>Lets no further long-poll wait. The caller wakes those that are already waiting.</summary>
    public void Drain() => _draining = true;

    public async ValueTask<bool> WaitAsync(
        UserStream stream, SyncWaiter waiter, TimeSpan atMost, CancellationToken stop)
    {
        // The framework's timers sleep until the first of them is due, so an idle server does not wake up.
        using var timeout = time.CreateTimer(
            SyncWaiter.TimeIsUp, waiter, atMost < LongestTimer ? atMost : LongestTimer, Timeout.InfiniteTimeSpan);
        Interlocked.Increment(ref _waiting);
        try
        {
            await using var _ = stop.UnsafeRegister(static state => ((SyncWaiter)state!).TryWake(news: false), waiter);
            if (_draining) waiter.TryWake(news: false);
            return await waiter.Task;
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
            stream.Forget(waiter);
        }
    }
}
