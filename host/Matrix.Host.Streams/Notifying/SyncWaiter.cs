using System.Threading.Tasks.Sources;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// A waiting long-poll. It holds no thread and nothing but this object. It is woken exactly once: by news, by its
/// timeout, or by its end.
/// </summary>
internal sealed class SyncWaiter(UserStream stream) : IValueTaskSource<bool>
{
    /// <summary>The callback of its timeout; the state is the waiter.</summary>
    internal static readonly TimerCallback TimeIsUp = static waiter => ((SyncWaiter)waiter!).Expired();

    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };
    private int _woken;

    internal SyncWaiter? NextInStream;
    internal SyncWaiter? PreviousInStream;
    internal bool InStream;

    /// <summary>Completes with whether there may be news.</summary>
    public ValueTask<bool> Task => new(this, _source.Version);

    /// <summary>Ends the wait; false if it had ended already.</summary>
    public bool TryWake(bool news)
    {
        if (Interlocked.Exchange(ref _woken, 1) != 0) return false;
        _source.SetResult(news);
        return true;
    }

    private void Expired()
    {
        stream.Forget(this);
        TryWake(news: false);
    }

    bool IValueTaskSource<bool>.GetResult(short token) => _source.GetResult(token);

    ValueTaskSourceStatus IValueTaskSource<bool>.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource<bool>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}

/// <summary>The waiting long-polls of a user. Guarded by the lock of the user's stream.</summary>
internal sealed class SyncWaiters
{
    /// <summary>The most long-polls of a user; one more ends the oldest.</summary>
    internal const int Capacity = 64;

    private SyncWaiter? _newest;
    private int _count;

    public bool IsEmpty => _newest is null;

    /// <summary>Adds a long-poll. Returns the oldest, which the caller ends, if there are too many.</summary>
    public SyncWaiter? Add(SyncWaiter waiter)
    {
        SyncWaiter? oldest = null;
        if (_count == Capacity)
        {
            for (oldest = _newest; oldest!.NextInStream is { } next;) oldest = next;
            Remove(oldest);
        }

        waiter.NextInStream = _newest;
        if (_newest is { } first) first.PreviousInStream = waiter;
        _newest = waiter;
        waiter.InStream = true;
        _count++;
        return oldest;
    }

    public void Remove(SyncWaiter waiter)
    {
        if (!waiter.InStream) return;
        if (waiter.PreviousInStream is { } previous) previous.NextInStream = waiter.NextInStream;
        else _newest = waiter.NextInStream;
        if (waiter.NextInStream is { } next) next.PreviousInStream = waiter.PreviousInStream;
        waiter.NextInStream = waiter.PreviousInStream = null;
        waiter.InStream = false;
        _count--;
    }

    /// <summary>Removes all long-polls and returns the first, for <see cref="WakeAll"/>.</summary>
    public SyncWaiter? TakeAll()
    {
        var taken = _newest;
        for (var waiter = taken; waiter is not null; waiter = waiter.NextInStream) waiter.InStream = false;
        _newest = null;
        _count = 0;
        return taken;
    }

    /// <summary>Wakes the long-polls that were taken. Called without the lock.</summary>
    public static void WakeAll(SyncWaiter? taken, bool news)
    {
        while (taken is not null)
        {
            var next = taken.NextInStream;
            taken.NextInStream = taken.PreviousInStream = null;
            taken.TryWake(news);
            taken = next;
        }
    }
}
