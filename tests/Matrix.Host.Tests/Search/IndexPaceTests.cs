using Matrix.Host.Rooms.Changes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
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
        using var index = new SlowIndex(Store);
        Store.Writer.AddConsumer(index);
        using var end = new CancellationTokenSource();
        var running = index.RunAsync(end.Token);

        await Write(new DeviceListChanged(News));
        await index.FirstStep;
        await Task.Delay(TimeSpan.FromMilliseconds(500));
        Assert.That(index.Steps, Is.EqualTo(1), "the first step lasted 50 ms, so the pause lasts 5 s");

        await index.CatchUpAsync(Stop).AsTask().WaitAsync(TimeSpan.FromSeconds(12));
        Assert.That(index.Steps, Is.EqualTo(SlowIndex.Most), "three pauses would last 15 s");

        await end.CancelAsync();
        Assert.That(async () => await running, Throws.InstanceOf<OperationCanceledException>());
    }

    /// <summary>An index that has as many steps to do, each of 50 ms, beside which others write.</summary>
    private sealed class SlowIndex(IStorage storage) : IndexWorker("slow", storage, TimeProvider.System)
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

        protected internal override async ValueTask<bool> StepAsync(long published, CancellationToken stop)
        {
            if (Steps == Most) return false;
            for (var other = 0; other < 2; other++)
            {
                var batch = new WriteBatch().Add(new DeviceListChanged("@other:example.org"));
                await Storage.Writer.WriteAsync(batch, stop);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), stop);
            Interlocked.Increment(ref _steps);
            _firstStep.TrySetResult();
            return true;
        }

        protected override void Forget()
        {
        }
    }
}
