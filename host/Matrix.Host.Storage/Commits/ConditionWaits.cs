namespace Matrix.Host.Storage.Commits;

/// <summary>
/// Lets callers wait until a condition holds. Whoever changes what conditions are about wakes them. Thread-safe.
/// </summary>
public sealed class ConditionWaits
{
    private TaskCompletionSource _news = New();
    private int _waiting;

    /// <summary>Waits until a condition holds. Whether it does; false if it did not in time, or the caller stops.
    /// </summary>
    /// <param name="holds">The condition. It must be quick.</param>
    /// <param name="most">How long to wait.</param>
    /// <param name="stop">Ends the wait.</param>
    public async ValueTask<bool> UntilAsync(Func<bool> holds, TimeSpan most, CancellationToken stop)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
            over.CancelAfter(most);
            while (true)
            {
                var news = Volatile.Read(ref _news).Task;
                if (holds()) return true;
                await news.WaitAsync(over.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                if (over.IsCancellationRequested) return holds();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>Has every condition that is waited for looked at again.</summary>
    public void Wake()
    {
        if (Volatile.Read(ref _waiting) > 0) Interlocked.Exchange(ref _news, New()).TrySetResult();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
