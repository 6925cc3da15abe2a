using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Events built on an event that never became durable are built again, unnoticed by those who wait.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class BrokenChainTests(string databaseKind)
{
    private PoisoningWriter _writer = null!;
    private RoomsWorld _world = null!;

    [SetUp]
    public async Task Starts() => _world = await RoomsWorld.StartsAsync(
        databaseKind,
        (storage, parts) => parts.AddSingleton<IStorageWriter>(_writer = new PoisoningWriter(storage.Writer)));

    [TearDown]
    public async Task Stops()
    {
        _writer.LetGo();
        await _world.DisposeAsync();
        _writer.Dispose();
    }

    [Test]
    public async Task A_send_on_an_event_that_failed_is_made_anew_and_everyone_who_repeated_it_gets_the_one_answer()
    {
        var room = await _world.CreatesRoomAsync("alice");
        await _world.JoinsAsync("bob", room);
        await _world.KnowsAsync("carol");
        var before = await _world.TimelineAsync(room);

        // The writer is busy, so that the second send builds on the first before either is written.
        _writer.Hold();
        _writer.Post(Batches.New(1));
        _writer.PoisonNext(new EventsAppended(before[0].Room, [before[0]]));
        var failing = _world.SaysAsync("alice", room, "never written");
        await _writer.HasTakenAsync(1);
        var retried =
            Enumerable.Range(0, 4).Select(_ => _world.SaysAsync("bob", room, "written once", "txn")).ToArray();
        var joining = _world.JoinsAsync("carol", room);
        await _writer.HasTakenAsync(3);
        _writer.LetGo();

        var failure = Assert.ThrowsAsync<StorageException>(() => failing)!;
        var answers = (await Task.WhenAll(retried)).Select(result => result.Value).Distinct().ToList();
        var joined = await joining;
        var again = await _world.SaysAsync("bob", room, "written once", "txn");
        var after = (await _world.TimelineAsync(room)).Skip(before.Count).ToList();
        await _world.RestartsAsync();
        var reread = (await _world.TimelineAsync(room)).Skip(before.Count).ToList();

        Assert.Multiple(() =>
        {
            Assert.That(failure.Failure, Is.EqualTo(StorageFailure.Rejected));
            Assert.That(joined, Is.Null);
            Assert.That(answers, Has.Count.EqualTo(1));
            Assert.That(again.Value, Is.EqualTo(answers[0]));
            Assert.That(
                after.Select(each => each.Pdu.Type),
                Is.EquivalentTo(new[] { "m.room.message", "m.room.member" }));
            Assert.That(after.Select(each => each.EventId), Does.Contain(answers[0]));
            Assert.That(after[0].Pdu.PrevEvents, Is.EqualTo(new[] { before[^1].EventId }));
            Assert.That(reread.Select(each => each.EventId), Is.EqualTo(after.Select(each => each.EventId)));
        });
    }

    /// <summary>A writer that a test can hold, and that can make a batch fail.</summary>
    private sealed class PoisoningWriter : IStorageWriter, IChangeConsumer, IDisposable
    {
        private readonly IStorageWriter _writer;
        private readonly ManualResetEventSlim _open = new(initialState: true);
        private Change? _poison;
        private int _taken;

        public PoisoningWriter(IStorageWriter writer)
        {
            _writer = writer;
            writer.AddConsumer(this);
        }

        public long PublishedPosition => _writer.PublishedPosition;

        public void Hold()
        {
            _taken = 0;
            _open.Reset();
        }

        public void LetGo() => _open.Set();

        public void PoisonNext(Change poison) => _poison = poison;

        /// <summary>The number of batches submitted while it is held.</summary>
        public async Task HasTakenAsync(int batches)
        {
            for (var i = 0; Volatile.Read(ref _taken) < batches; i++)
            {
                Assert.That(i, Is.LessThan(1000), $"{_taken} batches were submitted, not {batches}.");
                await Task.Delay(5);
            }
        }

        public ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop)
        {
            if (Interlocked.Exchange(ref _poison, null) is { } poison) batch.Add(poison);
            var receipt = _writer.WriteAsync(batch, stop);
            Interlocked.Increment(ref _taken);
            return receipt;
        }

        public void Post(WriteBatch batch) => _writer.Post(batch);

        public void AddConsumer(IChangeConsumer consumer) => _writer.AddConsumer(consumer);

        public void Begin(long through) => _open.Wait();

        public void OnChange(Change change, long position)
        {
        }

        public void Missed(long through)
        {
        }

        public void Dispose() => _open.Dispose();
    }
}
