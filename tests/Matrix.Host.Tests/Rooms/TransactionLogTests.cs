using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage.Tables.Transactions;

namespace Matrix.Host.Tests.Rooms;

internal sealed class TransactionLogTests
{
    [Test]
    public async Task A_request_that_is_made_again_does_not_end_with_the_first_one_whose_client_went_away()
    {
        await using var world = await RoomsWorld.StartsAsync();
        var log = new TransactionLog(world.Storage.Transactions, asksFirst: false, new RoomsOptions { ServerName = RoomsWorld.Server });
        var key = new TransactionKey(RoomsWorld.Id("alice"), "DEVICE", "send/!room/m.room.message", "1");
        using var gone = new CancellationTokenSource();

        var first = log.OnceAsync(
            key,
            async () =>
            {
                await Task.Delay(Timeout.Infinite, gone.Token);
                return "$never";
            },
            gone.Token).AsTask();
        var second = log.OnceAsync(key, () => ValueTask.FromResult<RoomResult<string>>("$made"), default).AsTask();
        await gone.CancelAsync();

        Assert.That((await second).Value, Is.EqualTo("$made"));
        Assert.That(async () => await first, Throws.InstanceOf<OperationCanceledException>());
    }
}
