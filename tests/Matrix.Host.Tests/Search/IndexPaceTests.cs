using System.Diagnostics;
using System.Text;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Tests.Storage;

namespace Matrix.Host.Tests.Search;

/// <summary>How much of the time an index takes.</summary>
internal sealed class IndexPaceTests(string kind) : StorageTests(kind)
{
    private const string News = "@news:example.org";

    [Test]
    public async Task An_index_pauses_while_others_write_and_a_search_ends_its_pauses()
    {
        using var index = new SlowIndex(Store.Writer);
        Store.Writer.AddConsumer(index);
        await index.StartAsync(Stop);

        await Write(new DeviceListChanged(News));
        await index.FirstStep;
        await Task.Delay(TimeSpan.FromMilliseconds(500));
        Assert.That(index.Steps, Is.EqualTo(1), "the first step lasted 50 ms, so the pause lasts 5 s");

        await index.CatchUpAsync(Stop).AsTask().WaitAsync(TimeSpan.FromSeconds(12));
        Assert.That(index.Steps, Is.EqualTo(SlowIndex.Most), "three pauses would last 15 s");

        await index.StopAsync(Stop);
        Assert.That(index.ExecuteTask!.IsCanceled);
    }

    [Test]
    public async Task A_search_waits_if_few_steps_are_left_however_many_there_were()
    {
        using var index = new LateIndex(Store.Writer);
        Store.Writer.AddConsumer(index);
        await index.StartAsync(Stop);
        await Write(new DeviceListChanged(News));

        index.Allow(1);
        Assert.That(() => index.CatchUpAsync(Stop).AsTask().IsCompleted, Is.True.After(10_000, 20), "eleven are left");
        index.Allow(8);
        Assert.That(() => index.CatchUpAsync(Stop).AsTask().IsCompleted, Is.False.After(10_000, 20), "three are left");
        var search = index.CatchUpAsync(Stop).AsTask();
        index.Allow(3);
        await search.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.That(index.Steps, Is.EqualTo(LateIndex.Most));

        await index.StopAsync(Stop);
        Assert.That(index.ExecuteTask!.IsCanceled);
    }

    [Test]
    public async Task A_search_waits_for_one_step_if_each_step_finds_more()
    {
        using var index = new LateIndex(Store.Writer) { Finds = int.MaxValue };
        Store.Writer.AddConsumer(index);
        await index.StartAsync(Stop);
        await Write(new DeviceListChanged(News));
        index.Allow(20);
        Assert.That(() => index.Steps, Is.EqualTo(20).After(10_000, 20));

        await Write(new DeviceListChanged(News));
        var search = index.CatchUpAsync(Stop).AsTask();
        await Task.Delay(TimeSpan.FromMilliseconds(100));
        Assert.That(search.IsCompleted, Is.False);

        // The step that is under way may have begun before the news.
        index.Allow(2);
        await search.WaitAsync(TimeSpan.FromSeconds(30));
        await index.StopAsync(Stop);
        Assert.That(index.ExecuteTask!.IsCanceled);
    }

    [Test]
    public async Task An_index_is_tidied_in_steps_after_a_quiet_time_and_again_after_news()
    {
        using var index = new UntidyIndex(Store.Writer);
        Store.Writer.AddConsumer(index);
        await index.StartAsync(Stop);
        await Task.Delay(3 * UntidyIndex.QuietTime);
        Assert.That(index.Log, Is.Empty, "nothing came yet");

        foreach (var count in new[] { 1, 2 })
        {
            // The second tidying fails at its third step, and is not tried again before the next news.
            await Write(new DeviceListChanged(News));
            var expected = string.Concat(Enumerable.Repeat("steps, tidies, tidies, tidies; ", count));
            Assert.That(() => index.Log, Is.EqualTo(expected).After(10_000, 20));
            await Task.Delay(3 * UntidyIndex.QuietTime);
            Assert.That(index.Log, Is.EqualTo(expected));
        }

        Assert.That(index.FirstPause, Is.GreaterThan(0.9 * UntidyIndex.QuietTime));
        await index.StopAsync(Stop);
        Assert.That(index.ExecuteTask!.IsCanceled);
    }

    [Test]
    public async Task News_come_between_two_steps_of_tidying()
    {
        using var index = new UntidyIndex(Store.Writer) { IsEndless = true };
        Store.Writer.AddConsumer(index);
        await index.StartAsync(Stop);

        await Write(new DeviceListChanged(News));
        Assert.That(() => index.Log, Does.Contain("tidies, tidies").After(10_000, 20));
        await Write(new DeviceListChanged(News));
        Assert.That(() => index.Log, Does.Contain("tidies, steps").After(10_000, 20));

        await index.StopAsync(Stop);
        Assert.That(index.ExecuteTask!.IsCanceled);
    }

    /// <summary>An index with one step for each news, which is tidied in three steps.</summary>
    private sealed class UntidyIndex(IStorageWriter writer)
        : IndexWorker("untidy", writer, ShardGates.AlwaysOpen, TimeProvider.System)
    {
        public static readonly TimeSpan QuietTime = TimeSpan.FromMilliseconds(300);

        private readonly StringBuilder _log = new();
        private bool _hasStep;
        private long _stepped;
        private int _tidied;

        /// <summary>Whether there is always more to tidy.</summary>
        public bool IsEndless { get; init; }

        /// <summary>The time from the first step to the first step of tidying.</summary>
        public TimeSpan FirstPause { get; private set; }

        /// <summary>What it did, in order.</summary>
        public string Log
        {
            get
            {
                lock (_log) return _log.ToString();
            }
        }

        protected override IndexTimes Times =>
            new(TimeSpan.Zero, TimeSpan.FromMinutes(1), TimeSpan.FromMilliseconds(10)) { Quiet = QuietTime };

        protected override bool Concerns(Change change)
        {
            if (change is not DeviceListChanged { UserId: News }) return false;
            Volatile.Write(ref _hasStep, true);
            return true;
        }

        protected internal override ValueTask<IndexStep> StepAsync(long published, CancellationToken stop)
        {
            if (!Interlocked.Exchange(ref _hasStep, false)) return ValueTask.FromResult(new IndexStep(false, 0));
            _stepped = Stopwatch.GetTimestamp();
            Add("steps, ");
            return ValueTask.FromResult(new IndexStep(true, 0));
        }

        protected internal override async ValueTask<bool> TidyAsync(CancellationToken stop)
        {
            if (_tidied++ == 0) FirstPause = Stopwatch.GetElapsedTime(_stepped);
            if (IsEndless) await Task.Delay(TimeSpan.FromMilliseconds(5), stop);
            var isLast = !IsEndless && _tidied % 3 == 0;
            Add(isLast ? "tidies; " : "tidies, ");
            return isLast && _tidied == 6 ? throw new IOException("The disk is full.") : !isLast;
        }

        protected override void Forget()
        {
        }

        private void Add(string what)
        {
            lock (_log) _log.Append(what);
        }
    }

    /// <summary>An index that takes each step when it is allowed to.</summary>
    private sealed class LateIndex(IStorageWriter writer)
        : IndexWorker("late", writer, ShardGates.AlwaysOpen, TimeProvider.System)
    {
        public const int Most = 12;

        private readonly SemaphoreSlim _allowed = new(0);
        private int _steps;

        /// <summary>The steps to do. If there is no end of them, each leaves nothing of what came before it.</summary>
        public int Finds { get; init; } = Most;

        public int Steps => Volatile.Read(ref _steps);

        protected override IndexTimes Times =>
            new(TimeSpan.Zero, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(1));

        public void Allow(int steps) => _allowed.Release(steps);

        public override void Dispose()
        {
            _allowed.Dispose();
            base.Dispose();
        }

        protected override bool Concerns(Change change) => change is DeviceListChanged { UserId: News };

        protected internal override async ValueTask<IndexStep> StepAsync(long through, CancellationToken stop)
        {
            if (Steps == Finds) return new IndexStep(false, 0);
            await _allowed.WaitAsync(stop);
            var steps = Interlocked.Increment(ref _steps);
            return new IndexStep(true, Finds == Most ? Most - steps : 0);
        }

        protected override void Forget()
        {
        }
    }

    /// <summary>An index that has as many steps to do, each of 50 ms, beside which others write.</summary>
    private sealed class SlowIndex(IStorageWriter writer)
        : IndexWorker("slow", writer, ShardGates.AlwaysOpen, TimeProvider.System)
    {
        public const int Most = 4;

        private readonly TaskCompletionSource _firstStep = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _steps;

        public int Steps => Volatile.Read(ref _steps);

        public Task FirstStep => _firstStep.Task;

        protected override IndexTimes Times => new(TimeSpan.Zero, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(1))
        {
            BusyPercent = 1,
            LongestBehind = TimeSpan.FromMinutes(10),
        };

        protected override bool Concerns(Change change) => change is DeviceListChanged { UserId: News };

        protected internal override async ValueTask<IndexStep> StepAsync(long published, CancellationToken stop)
        {
            if (Steps == Most) return new IndexStep(false, 0);
            for (var other = 0; other < 2; other++)
            {
                var batch = Batches.New().Add(new DeviceListChanged("@other:example.org"));
                await Writer.WriteAsync(batch, stop);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), stop);
            Interlocked.Increment(ref _steps);
            _firstStep.TrySetResult();
            return new IndexStep(true, Most - Steps);
        }

        protected override void Forget()
        {
        }
    }
}
