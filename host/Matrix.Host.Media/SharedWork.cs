using Matrix.Host.Network.Slots;

namespace Matrix.Host.Media;

/// <summary>
/// Work that several requests may wait for. It runs once for each key, some of it at once, and the rest waits. What
/// nobody waits for any more does not begin; what has begun is not cancelled with a request. Work that several users
/// wait for begins as soon as the share of one of them allows.
/// </summary>
/// <param name="bounds">How much waits, and how long.</param>
/// <param name="slots">How much runs. They are disposed with it.</param>
/// <param name="busy">The result of what does not begin.</param>
/// <param name="time">The clock.</param>
/// <param name="isReached">Whether a result shows that the server answered.</param>
internal sealed class SharedWork<TKey, TResult>(
    WorkBounds bounds, WorkSlots slots, TResult busy, TimeProvider time, Func<TResult, bool> isReached) : IDisposable
    where TKey : notnull
{
    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Job> _jobs = [];
    private readonly Dictionary<string, int> _users = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _servers = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _closing = new();

    /// <summary>The result of the work of a key, which begins now unless it runs already.</summary>
    /// <param name="key">What the work is for.</param>
    /// <param name="cause">Whose share it takes.</param>
    /// <param name="work">The work. Its token is cancelled when its time is over or the server stops.</param>
    /// <param name="failed">The result after an exception; true tells that the token was cancelled.</param>
    /// <param name="stop">Ends the waiting, not the work.</param>
    internal async ValueTask<TResult> RunAsync(
        TKey key,
        WorkCause cause,
        Func<CancellationToken, ValueTask<TResult>> work,
        Func<Exception, bool, TResult> failed,
        CancellationToken stop)
    {
        Job? job;
        lock (_gate)
        {
            if (!_jobs.TryGetValue(key, out job))
            {
                if (_jobs.Count >= bounds.Waiting || !HasRoom(cause)) return busy;
                _jobs[key] = job = new Job();
            }

            if (!job.HasBegun && HasRoom(cause) && job.Users.Add(cause.Who))
            {
                Count(cause, 1);
                job.Entrants++;
                _ = Task.Run(() => EnterAsync(key, job, cause, work, failed), CancellationToken.None);
            }

            job.Waiting++;
        }

        try
        {
            return await job.Ended.Task.WaitAsync(stop);
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
        slots.Dispose();
    }

    private bool HasRoom(WorkCause cause) =>
        _users.GetValueOrDefault(cause.Who) < bounds.OfUser
        && (cause.Server is null || _servers.GetValueOrDefault(cause.Server) < bounds.OfServer);

    private void Count(WorkCause cause, int change)
    {
        Add(_users, cause.Who);
        if (cause.Server is not null) Add(_servers, cause.Server);

        void Add(Dictionary<string, int> counts, string name)
        {
            if ((counts[name] = counts.GetValueOrDefault(name) + change) == 0) counts.Remove(name);
        }
    }

    private void Leave(TKey key, Job job)
    {
        lock (_gate)
        {
            if (--job.Waiting > 0 || job.HasBegun) return;
            Remove(key, job);
        }

        job.Settled.Cancel();
    }

    /// <summary>Waits for a place in the share of a user, and works if no other share had one before.</summary>
    private async Task EnterAsync(
        TKey key,
        Job job,
        WorkCause cause,
        Func<CancellationToken, ValueTask<TResult>> work,
        Func<Exception, bool, TResult> failed)
    {
        var result = busy;
        var isMine = false;
        using (var late = new CancellationTokenSource(bounds.Time, time))
        using (var waiting = CancellationTokenSource.CreateLinkedTokenSource(
            _closing.Token, job.Settled.Token, late.Token))
        {
            try
            {
                using var slot = await slots.EnterAsync(cause.Who, cause.Server, waiting.Token);
                isMine = TryBegin(job);
                if (isMine)
                {
                    await job.Settled.CancelAsync();
                    result = await TimedAsync(work, failed);
                    slot.IsReached = isReached(result);
                }
            }
            catch (OperationCanceledException)
            {
                // Nobody waits for it, it has waited too long for its turn, or another share had a place.
            }
        }

        lock (_gate)
        {
            Count(cause, -1);
            if (--job.Entrants == 0 && !job.HasBegun) isMine = true;
            if (isMine) Remove(key, job);
        }

        if (isMine) job.Ended.TrySetResult(result);
    }

    private bool TryBegin(Job job)
    {
        lock (_gate) return !job.HasBegun && (job.HasBegun = job.Waiting > 0);
    }

    private async ValueTask<TResult> TimedAsync(
        Func<CancellationToken, ValueTask<TResult>> work, Func<Exception, bool, TResult> failed)
    {
        using var clock = new CancellationTokenSource(bounds.Time, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token, clock.Token);
        try
        {
            return await work(both.Token);
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
    private sealed class Job
    {
        internal TaskCompletionSource<TResult> Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Cancelled once it has begun, or nobody waits for it.</summary>
        internal CancellationTokenSource Settled { get; } = new();

        /// <summary>The users whose shares it may begin in.</summary>
        internal HashSet<string> Users { get; } = new(StringComparer.Ordinal);

        /// <summary>The shares in which it waits or runs.</summary>
        internal int Entrants { get; set; }

        internal int Waiting { get; set; }

        internal bool HasBegun { get; set; }
    }
}

/// <summary>Whose share work takes.</summary>
/// <param name="Who">The user, application service or address that causes it.</param>
/// <param name="Server">The server that it is done with; null for none.</param>
internal readonly record struct WorkCause(string Who, string? Server);

/// <summary>The bounds of shared work.</summary>
/// <param name="Waiting">How much runs or waits.</param>
/// <param name="Time">The longest time of each, and before that of its waiting.</param>
internal sealed record WorkBounds(int Waiting, TimeSpan Time)
{
    /// <summary>How much of one user runs or waits.</summary>
    internal int OfUser { get; init; } = int.MaxValue;

    /// <summary>How much with one server runs or waits.</summary>
    internal int OfServer { get; init; } = int.MaxValue;
}
