using System.Diagnostics.Metrics;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Rooms.Changes;

/// <summary>The times of an index.</summary>
/// <param name="Delay">How long changes are gathered before they are indexed together.</param>
/// <param name="LongestWait">How long a search waits for changes that are not indexed yet.</param>
/// <param name="LongestPause">The longest pause between two attempts of a step that fails.</param>
public readonly record struct IndexTimes(TimeSpan Delay, TimeSpan LongestWait, TimeSpan LongestPause)
{
    /// <summary>How much of the time, in percent, the index takes while others write.</summary>
    public int BusyPercent { get; init; } = 100;

    /// <summary>How long the index may be behind. From then on it takes half of the time.</summary>
    public TimeSpan LongestBehind { get; init; } = TimeSpan.Zero;

    /// <summary>How long nothing came that concerns the index, before it is tidied.</summary>
    public TimeSpan Quiet { get; init; } = TimeSpan.FromSeconds(2);
}

/// <summary>
/// Keeps an index behind the commits. Commits only wake it; it works in bounded steps, from what is durable, so that a
/// restart continues where it ended. A search waits, for a bounded time, for what was committed before it.
/// </summary>
public abstract class IndexWorker : DutyService, IChangeConsumer
{
    /// <summary>An index that needs more steps than these is being filled: no search waits.</summary>
    private const int MostAwaitedSteps = 8;

    private static readonly Meter _meter = new("Matrix.Host.Changes");

    private static readonly Counter<long> _failures = _meter.CreateCounter<long>(
        "matrix_index_failures", "{attempt}", "Steps of an index that failed and are retried.");

    private readonly string _name;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _news = new(1, 1);
    private readonly SemaphoreSlim _hurry = new(0, 1);
    private TaskCompletionSource _turn = NewTurn();
    private long _newsAt;
    private long _through = -1;
    private long _ended;
    private int _left;
    private bool _hasNews;
    private bool _mayTidy;

    /// <summary>Creates a worker, which does nothing until it is run.</summary>
    /// <param name="name">Its name in metrics.</param>
    /// <param name="writer">The database's writer.</param>
    /// <param name="gates">The shards that are here.</param>
    /// <param name="time">The clock.</param>
    protected IndexWorker(string name, IStorageWriter writer, ShardGates gates, TimeProvider time)
        : base(Authority.Duty(name), gates)
    {
        _name = name;
        _time = time;
        Authority = Authority.Duty(name);
        Writer = writer;
        _ended = writer.PublishedPosition;
    }

    /// <summary>The authority over the index: two workers would index the same changes.</summary>
    protected Authority Authority { get; }

    /// <summary>The database's writer.</summary>
    protected IStorageWriter Writer { get; }

    /// <summary>Its times.</summary>
    protected abstract IndexTimes Times { get; }

    /// <summary>Whether the index may have to change with a change.</summary>
    protected abstract bool Concerns(Change change);

    /// <summary>Indexes a bounded number of changes, in one batch.</summary>
    /// <param name="through">The position up to which every consumer has read the changes.</param>
    protected internal abstract ValueTask<IndexStep> StepAsync(long through, CancellationToken stop);

    /// <summary>
    /// Makes a bounded part of the index faster to read, while nothing else comes. False if there is no more to do
    /// until the next change.
    /// </summary>
    protected internal virtual ValueTask<bool> TidyAsync(CancellationToken stop) => ValueTask.FromResult(false);

    /// <summary>A step failed: what it knew in memory may be wrong.</summary>
    protected abstract void Forget();

    /// <summary>Waits until the index has what is committed now, or for its longest wait.</summary>
    public async ValueTask CatchUpAsync(CancellationToken stop)
    {
        var position = Math.Max(Volatile.Read(ref _newsAt), 0);
        var began = _time.GetTimestamp();
        while (Volatile.Read(ref _through) < position && Volatile.Read(ref _left) <= MostAwaitedSteps)
        {
            var turn = Volatile.Read(ref _turn);
            Release(_hurry);
            Release(_news);
            var left = Times.LongestWait - _time.GetElapsedTime(began);
            if (Volatile.Read(ref _through) >= position || left <= TimeSpan.Zero) return;
            try
            {
                await turn.Task.WaitAsync(left, _time, stop);
            }
            catch (TimeoutException)
            {
                return;
            }
        }
    }

    /// <summary>Works until it is stopped.</summary>
    protected override async Task WorkAsync(CancellationToken stop)
    {
        var failures = 0;
        long? behindSince = null;

        // Another node may have gone on with the index since this one left it.
        Forget();
        Release(_news);
        while (true)
        {
            await NewsAsync(stop);
            await _hurry.WaitAsync(Times.Delay, stop);
            try
            {
                for (var more = true; more;)
                {
                    var began = _time.GetTimestamp();

                    // The published position may be ahead of the rooms in memory, which a step reads.
                    var through = Volatile.Read(ref _ended);
                    var published = Writer.PublishedPosition;
                    var step = await StepAsync(through, stop);
                    Volatile.Write(ref _left, step.Left);
                    if (step.Left > 0)
                    {
                        behindSince ??= began;
                    }
                    else
                    {
                        // While others write, each step may find more. The index is not behind for that.
                        Volatile.Write(ref _through, through);
                        behindSince = null;
                    }

                    Interlocked.Exchange(ref _turn, NewTurn()).SetResult();
                    more = step.HasWritten;
                    if (!more) continue;
                    _mayTidy = true;

                    // The step wrote one batch. Further ones are of others, who wait for the writer meanwhile.
                    var others = Writer.PublishedPosition - published > 1;
                    await PauseAsync(began, behindSince, others, stop);
                }

                failures = 0;
            }
#pragma warning disable CA1031 // Every failure is retried: no change is skipped.
            catch (Exception) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
            {
                _failures.Add(1, new KeyValuePair<string, object?>("index", _name));
                Forget();
                Release(_news);
                var pause = Math.Min(Math.Pow(2, failures++), Times.LongestPause.TotalSeconds);
                await Task.Delay(TimeSpan.FromSeconds(pause), _time, stop);
            }
        }
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (!Concerns(change)) return;
        _hasNews = true;
        Volatile.Write(ref _newsAt, position);
    }

    /// <inheritdoc/>
    public void End(long through)
    {
        Volatile.Write(ref _ended, through);
        if (!_hasNews) return;
        _hasNews = false;
        Release(_news);
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        Volatile.Write(ref _newsAt, through);
        Release(_news);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _news.Dispose();
        _hurry.Dispose();
        base.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Waits for news, and tidies the index if none comes for a while.</summary>
    private async ValueTask NewsAsync(CancellationToken stop)
    {
        for (var pause = Times.Quiet; _mayTidy;)
        {
            if (await _news.WaitAsync(pause, stop)) return;
            var began = _time.GetTimestamp();
            _mayTidy = await TryTidyAsync(stop);
            pause = _time.GetElapsedTime(began);
        }

        await _news.WaitAsync(stop);
    }

    /// <summary>Whether there is more to tidy. After a failure there is not, until the next change.</summary>
    private async ValueTask<bool> TryTidyAsync(CancellationToken stop)
    {
        try
        {
            return await TidyAsync(stop);
        }
#pragma warning disable CA1031 // The index is right without it.
        catch (Exception) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            _failures.Add(1, new KeyValuePair<string, object?>("index", _name));
            Forget();
            return false;
        }
    }

    /// <summary>Leaves time to others after a step.</summary>
    private async ValueTask PauseAsync(long began, long? behindSince, bool othersWrite, CancellationToken stop)
    {
        var took = _time.GetElapsedTime(began);
        var times = Times;
        var yields = times.BusyPercent < 50;
        var isLate = behindSince is { } since && _time.GetElapsedTime(since) >= times.LongestBehind;
        if (othersWrite && yields && !isLate)
        {
            // A search that waits for this index ends the pause.
            await _hurry.WaitAsync(took * (100.0 / times.BusyPercent - 1), stop);
        }
        else if (_left > MostAwaitedSteps || (yields && isLate))
        {
            // An index that is late or being filled leaves half of the writer's time to others.
            await Task.Delay(took, _time, stop);
        }
    }

    private static TaskCompletionSource NewTurn() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static void Release(SemaphoreSlim semaphore)
    {
        try
        {
            if (semaphore.CurrentCount == 0) semaphore.Release();
        }
        catch (Exception late) when (late is SemaphoreFullException or ObjectDisposedException)
        {
            // Already awake, or disposed.
        }
    }
}
