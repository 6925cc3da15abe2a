using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Tests.Storage;

/// <summary>Consumers that missed changes are asked to read them from storage, until they have.</summary>
internal sealed class RestorationsTests
{
    private WriterMetrics _metrics = null!;
    private Restorations _restorations = null!;

    [SetUp]
    public void SetUp()
    {
        _metrics = new WriterMetrics();
        _restorations = new Restorations(_metrics);
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _restorations.DisposeAsync();
        _metrics.Dispose();
    }

    [Test]
    public async Task A_consumer_reads_what_it_missed_and_again_if_that_fails()
    {
        var failures = 2;
        var consumer = new Reader((_, _) => failures-- > 0
            ? throw new InvalidOperationException("The test fails this read.")
            : Task.CompletedTask);

        _restorations.Add(consumer, 3, 7);

        await Until.HoldsAsync(() => consumer.Read.Count == 3);
        Assert.That(consumer.Read, Is.All.EqualTo((3L, 7L)));
    }

    [Test]
    public async Task Flushes_that_follow_each_other_are_read_at_once_and_others_one_by_one()
    {
        var release = new TaskCompletionSource();
        var consumer = new Reader((_, _) => release.Task);
        _restorations.Add(consumer, 0, 1);
        await Until.HoldsAsync(() => consumer.Read.Count == 1);
        _restorations.Add(consumer, 4, 5);
        _restorations.Add(consumer, 5, 6);
        _restorations.Add(consumer, 5, 6);
        _restorations.Add(consumer, 9, 12);
        release.SetResult();

        await Until.HoldsAsync(() => consumer.Read.Count == 3);
        Assert.That(consumer.Read, Is.EqualTo(new[] { (0L, 1L), (4L, 6L), (9L, 12L) }));
    }

    [Test]
    public async Task The_ranges_of_a_consumer_are_bounded_and_all_are_read()
    {
        var release = new TaskCompletionSource();
        var consumer = new Reader((_, _) => release.Task);
        for (var at = 0L; at < 2000; at += 2) _restorations.Add(consumer, at, at + 1);
        release.SetResult();

        await Until.HoldsAsync(() => consumer.Read.Count > 0 && consumer.Read.Max(each => each.Through) == 1999);
        Assert.That(consumer.Read, Has.Count.LessThanOrEqualTo(70));
        for (var at = 0L; at < 2000; at += 2)
        {
            Assert.That(consumer.Read.Any(each => each.After <= at && each.Through > at), $"{at}");
        }
    }

    [Test]
    public async Task A_stop_ends_what_is_being_read()
    {
        var consumer = new Reader((stop, _) => Task.Delay(Timeout.Infinite, stop));
        _restorations.Add(consumer, 0, 1);
        await Until.HoldsAsync(() => consumer.Read.Count == 1);

        await _restorations.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(20));

        _restorations.Add(consumer, 1, 2);
        await Task.Delay(50);
        Assert.That(consumer.Read, Has.Count.EqualTo(1));
    }

    private sealed class Reader(Func<CancellationToken, long, Task> reads) : IRestoredConsumer
    {
        private readonly Lock _gate = new();
        private readonly List<(long After, long Through)> _read = [];

        internal IReadOnlyList<(long After, long Through)> Read
        {
            get
            {
                lock (_gate) return [.. _read];
            }
        }

        public void OnChange(Change change, long position)
        {
        }

        public void Missed(long through)
        {
        }

        public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
        {
            lock (_gate) _read.Add((after, through));
            await reads(stop, after);
        }
    }
}
