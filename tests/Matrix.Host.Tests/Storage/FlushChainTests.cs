using System.Diagnostics;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Formats;
using Matrix.Host.Storage.Tables;
using Matrix.Host.Storage.Tables.RateLimits;

namespace Matrix.Host.Tests.Storage;

/// <summary>
/// Consumers read the flushes of all nodes in the order of the chain, each once or as missed, and submitters get their
/// results after them.
/// </summary>
internal sealed class FlushChainTests
{
    private const int Histories = 300;

    private static readonly FlushFormat _format = new(SharedChanges.Formats);

    [Test]
    public async Task Consumers_read_each_flush_once_and_in_order_whenever_it_comes([Values(1, 2, 3)] int seed)
    {
        for (var history = 0; history < Histories; history++)
        {
            await new History(new Random((seed * 1_000_003) + history)).RunAsync($"seed {seed}, history {history}");
        }
    }

    [Test]
    public async Task The_writer_waits_while_too_many_batches_wait_for_a_flush_of_another_node()
    {
        using var metrics = new WriterMetrics();
        var rows = new Rows();
        await using var chain = new FlushChain(new Publication(metrics), rows, Read, mostBatches: 2);
        chain.StartAt(10);
        chain.Kept([BatchAt(12)], 11);
        Assert.That(await chain.WaitForRoomAsync(TimeSpan.Zero), Is.True);
        chain.Kept([BatchAt(13)], 12);
        await Until.HoldsAsync(() => rows.Asked == 10);
        Assert.That(await chain.WaitForRoomAsync(TimeSpan.FromMilliseconds(20)), Is.False);
        var waiting = chain.WaitForRoomAsync(TimeSpan.FromSeconds(20)).AsTask();

        rows.OnRead!(new([], 11));

        Assert.That(await waiting, Is.True);
        await Until.HoldsAsync(() => chain.Position == 13);
    }

    [Test]
    public async Task What_other_nodes_tell_is_read_in_order_and_without_the_database()
    {
        using var metrics = new WriterMetrics();
        var rows = new Rows();
        await using var chain = new FlushChain(new Publication(metrics), rows, Read, mostBatches: 2);
        chain.StartAt(10);

        chain.Hear(NewsOf(new Flush(11, 12, IsOwn: false, IsThere: true, IsReadable: true)));
        chain.Hear(NewsOf(new Flush(10, 11, IsOwn: false, IsThere: true, IsReadable: true)));

        await Until.HoldsAsync(() => chain.Position == 12);
        Assert.That((chain.FlushesTold, chain.FlushesRead, chain.FlushesMissed), Is.EqualTo((2L, 0L, 0L)));
    }

    [Test]
    public async Task A_flush_that_is_told_too_early_has_those_before_it_looked_for()
    {
        using var metrics = new WriterMetrics();
        var rows = new Rows();
        await using var chain = new FlushChain(new Publication(metrics), rows, Read, mostBatches: 2);
        chain.StartAt(10);

        chain.Hear(NewsOf(new Flush(11, 12, IsOwn: false, IsThere: true, IsReadable: true)));

        await Until.HoldsAsync(() => rows.Asked == 10);
        Assert.That(chain.Position, Is.EqualTo(10));
        rows.OnRead!(new([], 11));
        await Until.HoldsAsync(() => chain.Position == 12);
        Assert.That((chain.FlushesTold, chain.FlushesMissed), Is.EqualTo((1L, 0L)));
    }

    [Test]
    public async Task A_flush_whose_changes_are_read_already_is_told_once()
    {
        using var metrics = new WriterMetrics();
        await using var chain = new FlushChain(new Publication(metrics), new Rows(), Read, mostBatches: 2);
        var (told, advanced) = (new List<(long After, long Position)>(), 0);
        chain.OnFlushed = news => told.Add((news.After, chain.Position));
        chain.OnAdvanced = () => advanced++;
        chain.StartAt(10);

        chain.Kept([BatchAt(11)], 10, new FlushNews(10, 11, Changes: null));
        Assert.That(advanced, Is.Zero, "whoever tells the flush tells the position");
        chain.Kept([BatchAt(12)], 11);

        Assert.That(advanced, Is.EqualTo(1));
        Assert.That(told, Is.EqualTo(((long, long)[])[(10, 11)]));
    }

    [Test]
    public async Task What_cannot_be_told_does_not_end_the_writer()
    {
        using var metrics = new WriterMetrics();
        await using var chain = new FlushChain(new Publication(metrics), new Rows(), Read, mostBatches: 2);
        chain.OnFlushed = static _ => throw new InvalidOperationException("No node can be told.");
        chain.StartAt(10);
        var batch = BatchAt(11);
        var answer = batch.Completion;

        chain.Kept([batch], 10, new FlushNews(10, 11, Changes: null));

        Assert.That((await answer).Position, Is.EqualTo(11));
    }

    [Test]
    public async Task Its_position_is_the_one_that_consumers_have_read()
    {
        using var metrics = new WriterMetrics();
        await using var chain = new FlushChain(new Publication(metrics), new Rows(), Read, mostBatches: 2);
        using var slow = new SlowConsumer();
        chain.AddConsumer(slow);
        chain.StartAt(10);
        var kept = Task.Run(() => chain.Kept([BatchAt(11)], 10));
        Assert.That(slow.HasBegun.Wait(TimeSpan.FromSeconds(20)), Is.True);

        Assert.That(((IPublication)chain).Position, Is.EqualTo(11), "readers of storage");
        Assert.That(chain.Position, Is.EqualTo(10));
        slow.GoesOn.Set();
        await kept;
        await Until.HoldsAsync(() => chain.Position == 11);
    }

    [Test]
    public async Task What_waits_for_other_nodes_when_the_store_closes_is_answered()
    {
        using var metrics = new WriterMetrics();
        var chain = new FlushChain(new Publication(metrics), new Rows(), Read, mostBatches: 2);
        chain.StartAt(10);
        var batch = BatchAt(12);
        var answer = batch.Completion;
        chain.Kept([batch], 11);

        await chain.DisposeAsync();

        Assert.That((await answer).Position, Is.EqualTo(12));
    }

    [Test]
    public async Task A_token_ahead_of_a_node_that_reads_nothing_is_not_refused_as_nobodys()
    {
        using var metrics = new WriterMetrics();
        var rows = new Rows();
        await using var chain = new FlushChain(new Publication(metrics), rows, Read, mostBatches: 2);
        chain.StartAt(10);
        var tokens = new TokenPositions(null!, chain);
        Assert.That(await tokens.ReachAsync(10, default), Is.True);

        var unread = Assert.ThrowsAsync<StorageException>(async () => await tokens.ReachAsync(12, default))!;
        Assert.That(unread.Failure, Is.EqualTo(StorageFailure.Unavailable));

        var nobodys = tokens.ReachAsync(12, default).AsTask();
        await Until.HoldsAsync(() =>
        {
            rows.OnRead!(new([], 11, HasMore: false, Stopwatch.GetTimestamp()));
            return nobodys.IsCompleted;
        });
        Assert.That(await nobodys, Is.False);
    }

    [Test]
    public async Task It_is_level_once_consumers_have_read_as_far_as_a_later_look_saw()
    {
        using var metrics = new WriterMetrics();
        var rows = new Rows();
        await using var chain = new FlushChain(new Publication(metrics), rows, Read, mostBatches: 2);
        chain.StartAt(10);
        var before = Stopwatch.GetTimestamp();
        var level = chain.LevelAsync(default).AsTask();
        await Until.HoldsAsync(() => rows.Asked == 10);

        rows.OnRead!(new([], 11, HasMore: false, before));
        await Until.HoldsAsync(() => chain.Position == 11);
        Assert.That(level.IsCompleted, Is.False, "of that look");
        rows.OnRead!(new([], 12, HasMore: false, Stopwatch.GetTimestamp()));

        await level;
        Assert.That(chain.Position, Is.EqualTo(12));
    }

    private static List<WriteBatch>? Read(ReadOnlyMemory<byte> bytes) =>
        _format.TryRead(bytes, out var read, out _) ? read : null;

    private static ReadOnlyMemory<byte>? Written(Flush flush) => _format.Write(flush.Batches).ToArray();

    private static FlushNews NewsOf(Flush flush) => new(flush.After, flush.Last, Written(flush));

    private static WriteBatch BatchAt(long position) =>
        new(Authority.Nobody, capacity: 1) { Position = position };

    private static string UserOf(long position) => $"@at{position}:example.org";

    /// <summary>Reads a flush for as long as the test wants.</summary>
    private sealed class SlowConsumer : IChangeConsumer, IDisposable
    {
        public ManualResetEventSlim HasBegun { get; } = new();

        public ManualResetEventSlim GoesOn { get; } = new();

        public void OnChange(Change change, long position)
        {
        }

        public void End(long through)
        {
            HasBegun.Set();
            GoesOn.Wait(TimeSpan.FromSeconds(20));
        }

        public void Missed(long through)
        {
        }

        public void Dispose()
        {
            HasBegun.Dispose();
            GoesOn.Dispose();
        }
    }

    /// <summary>What the chain asked for; the test answers.</summary>
    private sealed class Rows : IFlushRows
    {
        private long _asked = -1;

        public Action<FoundFlushes>? OnRead { get; set; }

        /// <summary>The position asked for last; -1 if none.</summary>
        internal long Asked => Volatile.Read(ref _asked);

        public void ReadAfter(long position) => Volatile.Write(ref _asked, position);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>What happened to a flush, in the order of the sequence.</summary>
    private sealed record Flush(long After, long Last, bool IsOwn, bool IsThere, bool IsReadable)
    {
        internal List<WriteBatch> Batches { get; } = [];
    }

    /// <summary>
    /// A drawn history: flushes of this node and of others, rows that are lost or cannot be read, positions without a
    /// row; what is committed is read, told by others in any order, and handed over by the writer, at drawn moments.
    /// </summary>
    private sealed class History(Random random) : IChangeConsumer
    {
        private readonly List<(long Position, string User)> _seen = [];
        private readonly List<(long After, long Through)> _missed = [];
        private readonly List<(string What, long Published)> _answers = [];
        private long _through;
        private bool _isMissed;

        internal async Task RunAsync(string name)
        {
            using var metrics = new WriterMetrics();
            var rows = new Rows();
            var chain = new FlushChain(new Publication(metrics), rows, Read, mostBatches: 100);
            var flushes = Draw(100, chain);
            chain.AddConsumer(this);
            chain.StartAt(100);
            _through = 100;
            var expected = new List<string>();
            var own = new Queue<Flush>();
            var committed = 0;
            while (committed < flushes.Count || own.Count > 0)
            {
                var step = random.Next(13);
                if (step < 4 && committed < flushes.Count)
                {
                    var flush = flushes[committed++];
                    if (flush.IsOwn) own.Enqueue(flush);
                }
                else if (step < 7 && own.TryDequeue(out var ended))
                {
                    HandOver(chain, ended, expected);
                }
                else if (step < 10)
                {
                    ReadRows(rows, flushes, committed, chain.Position);
                }
                else if (committed > 0 && flushes[random.Next(committed)] is { IsOwn: false, IsReadable: true } told)
                {
                    chain.Hear(NewsOf(told));
                }

                if (random.Next(5) == 0) await Task.Yield();
            }

            // The last of them may wait for rows.
            await Until.HoldsAsync(() =>
            {
                ReadRows(rows, flushes, committed, chain.Position);
                lock (_seen) return _answers.Count == expected.Count && chain.Position >= flushes[^1].Last;
            });
            await chain.DisposeAsync();
            Check(name, flushes, expected);
        }

        void IChangeConsumer.Begin(long through)
        {
            lock (_seen)
            {
                Assert.That(through, Is.GreaterThan(_through));
                _isMissed = false;
            }
        }

        void IChangeConsumer.OnChange(Change change, long position)
        {
            lock (_seen) _seen.Add((position, ((RateLimitSet)change).Limit.UserId));
        }

        void IChangeConsumer.End(long through)
        {
            lock (_seen)
            {
                if (_isMissed) _missed.Add((_through, through));
                _through = through;
            }
        }

        void IChangeConsumer.Missed(long through) => _isMissed = true;

        private List<Flush> Draw(long from, FlushChain chain)
        {
            var flushes = new List<Flush>();
            var last = from;
            for (var count = random.Next(1, 25); count > 0; count--)
            {
                // Who lost a connection advances the sequence, and the row of that may be lost.
                var after = last + (random.Next(8) == 0 ? random.Next(1, 3) : 0);
                var batches = random.Next(1, 4);
                last = after + batches;
                var flush = new Flush(
                    after, last, random.Next(2) == 0, IsThere: random.Next(8) > 0, IsReadable: random.Next(8) > 0);
                for (var position = after + 1; position <= last; position++)
                {
                    flush.Batches.Add(Batch(position, chain));
                }

                flushes.Add(flush);
            }

            return flushes;
        }

        private WriteBatch Batch(long position, FlushChain chain)
        {
            var batch = new WriteBatch(Authority.Nobody)
            {
                OnCommitted = (_, receipt) => Answered($"kept {receipt.Position}", chain),
                OnFailed = (_, _) => Answered($"failed before {position}", chain),
            };
            batch.Add(new RateLimitSet(new UserRateLimit(UserOf(position), 1, 1)));
            batch.MarkSubmitted(posted: true);
            batch.Position = position;
            return batch;
        }

        private void Answered(string what, FlushChain chain)
        {
            lock (_seen) _answers.Add((what, chain.Position));
        }

        private void HandOver(FlushChain chain, Flush flush, List<string> expected)
        {
            if (random.Next(4) == 0)
            {
                expected.Add($"failed before {flush.Last}");
                chain.Failed(
                    [Batch(flush.Last, chain)], new StorageException(StorageFailure.Rejected, "The test says so."));
            }

            if (random.Next(6) == 0)
            {
                // Its submitters had their answer.
                chain.KeptInDoubt(flush.Batches, flush.After);
                return;
            }

            expected.AddRange(flush.Batches.Select(static batch => $"kept {batch.Position}"));
            chain.Kept(flush.Batches, flush.After);
        }

        private static void ReadRows(Rows rows, List<Flush> flushes, int committed, long after)
        {
            if (committed == 0) return;
            var there = flushes.Take(committed).Where(flush => flush.IsThere && flush.Last > after);
            rows.OnRead!(new(
                [
                    .. there.Select(static flush => new FoundFlush(
                        flush.After, flush.Last, flush.IsOwn,
                        flush.IsReadable ? Written(flush) : null)),
                ],
                flushes[committed - 1].Last));
        }

        private void Check(string name, List<Flush> flushes, List<string> expected)
        {
            Assert.That(_answers.Select(static each => each.What), Is.EqualTo(expected), name);
            foreach (var (what, published) in _answers)
            {
                if (what.StartsWith("kept ", StringComparison.Ordinal))
                {
                    var position = long.Parse(what.AsSpan(5), System.Globalization.CultureInfo.InvariantCulture);
                    Assert.That(published, Is.GreaterThanOrEqualTo(position), name);
                }
            }

            Assert.That(_seen.Select(static each => each.Position), Is.Ordered.Ascending, name);
            Assert.That(_seen.TrueForAll(static each => each.User == UserOf(each.Position)), name);
            var seen = _seen.Select(static each => each.Position).ToHashSet();
            Assert.That(seen, Has.Count.EqualTo(_seen.Count), name);
            foreach (var flush in flushes)
            {
                foreach (var batch in flush.Batches)
                {
                    var isMissed = _missed.Exists(range =>
                        range.After < batch.Position && batch.Position <= range.Through);
                    Assert.That(seen.Contains(batch.Position), Is.Not.EqualTo(isMissed), $"{name}, {batch.Position}");
                }

                if (flush.IsThere && (flush.IsOwn || flush.IsReadable))
                {
                    Assert.That(flush.Batches.TrueForAll(batch => seen.Contains(batch.Position)), $"{name}: {flush}");
                }
            }
        }
    }
}
