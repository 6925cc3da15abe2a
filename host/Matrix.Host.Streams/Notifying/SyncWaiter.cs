using System.Threading.Tasks.Sources;

namespace Matrix.Host.Streams.Notifying;

/// <summary>
/// One long-poll: the only thing that exists for it while nothing happens. It is woken exactly once, by news, by its time-out, or by its end.
/// </summary>
internal sealed class SyncWaiter(UserStream stream) : IValueTaskSource<bool>
{
    /// <summary>The callback of its time-out; its state is the waiter.</summary>
    internal static readonly TimerCallback TimeIsUp = static waiter => ((SyncWaiter)waiter!).Expired();

    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };
    private int _woken;

    internal SyncWaiter? NextInStream;
    internal SyncWaiter? PreviousInStream;
    internal bool InStream;

    /// <summary>Completes with whether there may be news.</summary>
    public ValueTask<bool> Task => new(this, _source.Version);

    /// <summary>Ends the wait; false if something else did.</summary>
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

    void IValueTaskSource<bool>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
