using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Transactions;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Tests.Rooms;

internal sealed class TransactionLogTests
{
    private const int Remembered = 4;

    private static readonly Authority _room = Authority.Room("!room");

    private MovableShards _shards = null!;
    private RoomsWorld _world = null!;
    private TransactionLog _log = null!;
    private DoubtfulWriter _writer = null!;
    private int _done;

    [SetUp]
    public async Task Opens()
    {
        _done = 0;
        _shards = new MovableShards();
        _world = await RoomsWorld.StartsAsync();
        _writer = new DoubtfulWriter(_world.Storage.Writer);
        _log = Log();
    }

    [TearDown]
    public async Task Closes()
    {
        _log.Dispose();
        await _world.DisposeAsync();
    }

    [Test]
    public async Task A_request_that_is_made_again_does_not_end_with_the_first_one_whose_client_went_away()
    {
        using var gone = new CancellationTokenSource();
        await OnceAsync(Key("0"), DoesAsync, default);

        var first = OnceAsync(
            Key("1"),
            async _ =>
            {
                await Task.Delay(Timeout.Infinite, gone.Token);
                return "$never";
            },
            gone.Token).AsTask();
        var second = OnceAsync(Key("1"), _ => ValueTask.FromResult<RoomResult<string>>("$made"), default).AsTask();
        await gone.CancelAsync();

        Assert.That((await second).Value, Is.EqualTo("$made"));
        Assert.That(async () => await first, Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task The_same_request_at_the_same_time_is_done_once()
    {
        var go = new TaskCompletionSource();
        var asked = Enumerable.Range(0, 5).Select(_ => OnceAsync(
            Key("1"),
            async mine =>
            {
                await go.Task;
                return await DoesAsync(mine);
            },
            default).AsTask()).ToArray();
        go.SetResult();

        Assert.That((await Task.WhenAll(asked)).Select(result => result.Value), Is.All.EqualTo(""));
        Assert.That(_done, Is.EqualTo(1));
    }

    [Test]
    public async Task What_failed_or_did_nothing_durable_is_done_again()
    {
        await OnceAsync(
            Key("1"),
            _ => ValueTask.FromResult<RoomResult<string>>(new RoomFailure(RoomFailureKind.Busy, "Later.")),
            default);
        Assert.That(
            async () => await OnceAsync(
                Key("1"),
                mine => throw new StorageException(StorageFailure.Full, mine.Record(default).ToString()),
                default),
            Throws.InstanceOf<StorageException>());
        await OnceAsync(Key("1"), DoesAsync, default);
        await OnceAsync(Key("1"), DoesAsync, default);

        Assert.That(_done, Is.EqualTo(1));
    }

    [Test]
    public async Task The_latest_requests_are_known_the_oldest_go_and_a_restart_changes_nothing()
    {
        for (var i = 0; i <= Remembered; i++) await OnceAsync(Key($"{i}"), DoesAsync, default);
        for (var i = 1; i <= Remembered; i++) await OnceAsync(Key($"{i}"), DoesAsync, default);
        Assert.That(_done, Is.EqualTo(Remembered + 1));

        using var restarted = Log();
        for (var i = 1; i <= Remembered; i++) await OnceAsync(restarted, Key($"{i}"), DoesAsync, default);
        Assert.That(_done, Is.EqualTo(Remembered + 1));
        await OnceAsync(restarted, Key("0"), DoesAsync, default);
        Assert.That(_done, Is.EqualTo(Remembered + 2));
    }

    [Test]
    public async Task What_another_node_did_while_the_shard_was_away_is_known_when_it_comes_back()
    {
        await OnceAsync(Key("1"), DoesAsync, default);
        using var other = Log();
        await _shards.CloseAsync(_room);
        await other.OnceAsync(Authority.User(RoomsWorld.Id("alice")), Key("2"), DoesAsync, default);
        Assert.That(
            async () => await OnceAsync(Key("2"), DoesAsync, default),
            Throws.InstanceOf<StorageException>().With.Property(nameof(StorageException.Failure))
                .EqualTo(StorageFailure.NotOwned));
        _shards.Open(_room);

        await OnceAsync(Key("2"), DoesAsync, default);
        await OnceAsync(Key("1"), DoesAsync, default);
        Assert.That(_done, Is.EqualTo(2), "neither is done again");
        await OnceAsync(Key("3"), DoesAsync, default);
        Assert.That(_done, Is.EqualTo(3));
    }

    [Test]
    public async Task A_request_whose_commit_is_kept_after_it_was_in_doubt_is_not_done_again()
    {
        _writer.IsInDoubt = true;
        Assert.That(
            async () => await OnceAsync(Key("1"), DoesAsync, default),
            Throws.InstanceOf<StorageException>().With.Property(nameof(StorageException.Failure))
                .EqualTo(StorageFailure.Doubtful));

        // It reads what was done while the commit is in doubt still.
        await OnceAsync(Key("2"), DoesAsync, default);
        await OnceAsync(Key("1"), DoesAsync, default);
        Assert.That(_done, Is.EqualTo(2));
    }

    [Test]
    public async Task The_shard_closes_after_the_request_that_runs()
    {
        var go = new TaskCompletionSource();
        await OnceAsync(Key("0"), DoesAsync, default);
        var running = OnceAsync(
            Key("1"),
            async mine =>
            {
                await go.Task;
                return await DoesAsync(mine);
            },
            default).AsTask();
        var again = OnceAsync(Key("1"), DoesAsync, default).AsTask();
        var closing = _shards.CloseAsync(_room);
        await Task.Delay(20);
        Assert.That(closing.IsCompleted, Is.False);
        go.SetResult();

        await closing;
        Assert.That((await running).Value, Is.EqualTo((await again).Value));
    }

    private static TransactionKey Key(string id) =>
        new(RoomsWorld.Id("alice"), "DEVICE", "send/!room/m.room.message", id);

    private TransactionLog Log() => new(
        _world.Storage.Transactions,
        _world.Storage.Events,
        _writer,
        _shards.Gates,
        new RoomsOptions { ServerName = RoomsWorld.Server, TransactionCacheBytes = 64 * Remembered });

    private ValueTask<RoomResult<string>> OnceAsync(
        TransactionKey key, Func<Transaction, ValueTask<RoomResult<string>>> act, CancellationToken stop) =>
        _log.OnceAsync(_room, key, act, stop);

    private static ValueTask<RoomResult<string>> OnceAsync(
        TransactionLog log,
        TransactionKey key,
        Func<Transaction, ValueTask<RoomResult<string>>> act,
        CancellationToken stop) => log.OnceAsync(_room, key, act, stop);

    private async ValueTask<RoomResult<string>> DoesAsync(Transaction mine)
    {
        Interlocked.Increment(ref _done);
        await _writer.WriteAsync(Batches.New(1).Add(mine.Record()), default);
        return "";
    }

    /// <summary>A writer of which one commit is in doubt, and is kept before the next batch is written.</summary>
    private sealed class DoubtfulWriter(IStorageWriter writer) : IStorageWriter
    {
        private WriteBatch? _held;

        /// <summary>Whether the next batch comes into doubt.</summary>
        internal bool IsInDoubt { private get; set; }

        public long PublishedPosition => writer.PublishedPosition;

        public async ValueTask<WriteReceipt> WriteAsync(WriteBatch batch, CancellationToken stop)
        {
            if (IsInDoubt)
            {
                IsInDoubt = false;
                _held = batch;
                throw new StorageException(StorageFailure.Doubtful, "The connection was lost during a commit.");
            }

            if (_held is { } held)
            {
                _held = null;
                await writer.WriteAsync(held, stop);
            }

            return await writer.WriteAsync(batch, stop);
        }

        public void Post(WriteBatch batch) => writer.Post(batch);

        public void AddConsumer(IChangeConsumer consumer) => writer.AddConsumer(consumer);
    }
}
