namespace Matrix.Host.Media;

/// <summary>
/// Work that several requests may wait for. It runs once for each key, some of it at once, and the rest waits. What
/// nobody waits for any more does not begin; what has begun is not cancelled with a request.
/// </summary>
/// <param name="bounds">How much runs and waits.</param>
/// <param name="busy">The result of what does not begin.</param>
/// <param name="time">The clock.</param>
internal sealed class SharedWork<TKey, TResult>(WorkBounds bounds, TResult busy, TimeProvider time) : IDisposable
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Job> _jobs = [];
    private readonly Dictionary<string, Group> _groups = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _slots = new(bounds.AtOnce);
    private readonly CancellationTokenSource _closing = new();

    /// <summary>The result of the work of a key, which begins now unless it runs already.</summary>
    /// <param name="key">What the work is for.</param>
    /// <param name="group">Whose share the work takes if it begins now.</param>
    /// <param name="work">The work. Its token is cancelled when its time is over or the server stops.</param>
    /// <param name="failed">The result after an exception; true tells that the token was cancelled.</param>
    /// <param name="stop">Ends the waiting, not the work.</param>
    internal async ValueTask<TResult> RunAsync(
        TKey key,
        string group,
        Func<CancellationToken, ValueTask<TResult>> work,
        Func<Exception, bool, TResult> failed,
        CancellationToken stop)
    {
        Job? job;
        lock (_gate)
        {
            if (!_jobs.TryGetValue(key, out job))
            {
                if (Begin(group) is not { } share) return busy;
                _jobs[key] = job = new Job(share);
                _ = Task.Run(() => WorkAsync(key, job, work, failed), CancellationToken.None);
            }

            job.Waiting++;
        }

        try
        {
            return await job.Ended.Task.WaitAsync(stop).ConfigureAwait(false);
        }
        finally
        {
            Leave(key, job);
        }
    }

    /// <summary>Stops the work.</summary>
    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
        _slots.Dispose();
    }

    private Group? Begin(string name)
    {
        if (_jobs.Count >= bounds.Waiting) return null;
        var group = _groups.GetValueOrDefault(name) ?? new Group(name, bounds.AtOnceOfGroup);
        if (group.Jobs >= bounds.OfGroup) return null;
        group.Jobs++;
        _groups[name] = group;
        return group;
    }

    private void Leave(TKey key, Job job)
    {
        lock (_gate)
        {
            if (--job.Waiting > 0 || job.HasBegun) return;
            Remove(key, job);
        }

        job.Abandoned.Cancel();
    }

    private async Task WorkAsync(
        TKey key, Job job, Func<CancellationToken, ValueTask<TResult>> work, Func<Exception, bool, TResult> failed)
    {
        var result = busy;
        using var late = new CancellationTokenSource(bounds.Time, time);
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(
            _closing.Token, job.Abandoned.Token, late.Token);
        try
        {
            await job.Group.Slots.WaitAsync(waiting.Token).ConfigureAwait(false);
            try
            {
                await _slots.WaitAsync(waiting.Token).ConfigureAwait(false);
                try
                {
                    if (HasBegun(job)) result = await TimedAsync(work, failed).ConfigureAwait(false);
                }
                finally
                {
                    _slots.Release();
                }
            }
            finally
            {
                job.Group.Slots.Release();
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody waits for it, or it has waited too long for its turn.
        }

        lock (_gate)
        {
            Remove(key, job);
            if (--job.Group.Jobs == 0) _groups.Remove(job.Group.Name);
        }

        job.Ended.TrySetResult(result);
    }

    private bool HasBegun(Job job)
    {
        lock (_gate) return job.HasBegun = job.Waiting > 0;
    }

    private async ValueTask<TResult> TimedAsync(
        Func<CancellationToken, ValueTask<TResult>> work, Func<Exception, bool, TResult> failed)
    {
        using var clock = new CancellationTokenSource(bounds.Time, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token, clock.Token);
        try
        {
            return await work(both.Token).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // Those who wait get a result, whatever the reason is.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            return failed(fault, both.IsCancellationRequested);
        }
    }

    private void Remove(TKey key, Job job)
    {
        if (_jobs.TryGetValue(key, out var known) && known == job) _jobs.Remove(key);
    }

    /// <summary>Work that runs or waits for its turn.</summary>
    private sealed class Job(Group group)
    {
        internal Group Group => group;

        internal TaskCompletionSource<TResult> Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal CancellationTokenSource Abandoned { get; } = new();

        internal int Waiting { get; set; }

        internal bool HasBegun { get; set; }
    }

    private sealed class Group(string name, int atOnce)
    {
        internal string Name => name;

        internal SemaphoreSlim Slots { get; } = new(atOnce);

        internal int Jobs { get; set; }
    }
}

/// <summary>The bounds of shared work.</summary>
/// <param name="AtOnce">How much runs at once.</param>
/// <param name="Waiting">How much runs or waits.</param>
/// <param name="Time">The longest time of each, and before that of its waiting.</param>
internal sealed record WorkBounds(int AtOnce, int Waiting, TimeSpan Time)
{
    /// <summary>How much of one group runs at once.</summary>
    internal int AtOnceOfGroup { get; init; } = int.MaxValue;

    /// <summary>How much of one group runs or waits.</summary>
    internal int OfGroup { get; init; } = int.MaxValue;
}
