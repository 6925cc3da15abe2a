using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Transactions;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Tests.Rooms;

internal sealed class TransactionLogTests
{
    private const int Remembered = 4;

    private RoomsWorld _world = null!;
    private TransactionLog _log = null!;
    private int _done;

    [SetUp]
    public async Task Opens()
    {
        _done = 0;
        _world = await RoomsWorld.StartsAsync();
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
        await _log.OnceAsync(Key("0"), DoesAsync, default);

        var first = _log.OnceAsync(
            Key("1"),
            async _ =>
            {
                await Task.Delay(Timeout.Infinite, gone.Token);
                return "$never";
            },
            gone.Token).AsTask();
        var second = _log.OnceAsync(Key("1"), _ => ValueTask.FromResult<RoomResult<string>>("$made"), default).AsTask();
        await gone.CancelAsync();

        Assert.That((await second).Value, Is.EqualTo("$made"));
        Assert.That(async () => await first, Throws.InstanceOf<OperationCanceledException>());
    }

    [Test]
    public async Task The_same_request_at_the_same_time_is_done_once()
    {
        var go = new TaskCompletionSource();
        var asked = Enumerable.Range(0, 5).Select(_ => _log.OnceAsync(
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
        await _log.OnceAsync(
            Key("1"),
            _ => ValueTask.FromResult<RoomResult<string>>(new RoomFailure(RoomFailureKind.Busy, "Later.")),
            default);
        Assert.That(
            async () => await _log.OnceAsync(
                Key("1"),
                mine => throw new StorageException(StorageFailure.Full, mine.Record(default).ToString()),
                default),
            Throws.InstanceOf<StorageException>());
        await _log.OnceAsync(Key("1"), DoesAsync, default);
        await _log.OnceAsync(Key("1"), DoesAsync, default);

        Assert.That(_done, Is.EqualTo(1));
    }

    [Test]
    public async Task The_latest_requests_are_known_the_oldest_go_and_a_restart_changes_nothing()
    {
        for (var i = 0; i <= Remembered; i++) await _log.OnceAsync(Key($"{i}"), DoesAsync, default);
        for (var i = 1; i <= Remembered; i++) await _log.OnceAsync(Key($"{i}"), DoesAsync, default);
        Assert.That(_done, Is.EqualTo(Remembered + 1));

        using var restarted = Log();
        for (var i = 1; i <= Remembered; i++) await restarted.OnceAsync(Key($"{i}"), DoesAsync, default);
        Assert.That(_done, Is.EqualTo(Remembered + 1));
        await restarted.OnceAsync(Key("0"), DoesAsync, default);
        Assert.That(_done, Is.EqualTo(Remembered + 2));
    }

    private static TransactionKey Key(string id) =>
        new(RoomsWorld.Id("alice"), "DEVICE", "send/!room/m.room.message", id);

    private TransactionLog Log() => new(
        _world.Storage.Transactions,
        _world.Storage.Events,
        new RoomsOptions { ServerName = RoomsWorld.Server, TransactionCacheBytes = 64 * Remembered });

    private async ValueTask<RoomResult<string>> DoesAsync(Transaction mine)
    {
        Interlocked.Increment(ref _done);
        await _world.Storage.Writer.WriteAsync(Batches.New(1).Add(mine.Record()), default);
        return "";
    }
}
