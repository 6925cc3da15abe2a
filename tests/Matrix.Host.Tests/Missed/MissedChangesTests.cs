using Matrix.Host.Api.Http;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Missed;

/// <summary>
/// What consumers of changes hold is right though they missed every change: they read it from storage.
/// </summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class MissedChangesTests(string databaseKind) : FollowedChangesTests(databaseKind)
{
    /// <summary>Every consumer misses every flush.</summary>
    protected override void Begin() => Server.Misses = static _ => true;

    [Test]
    public async Task A_request_that_waits_ends_with_its_session()
    {
        var since = await Alice.SyncTokenAsync();
        var waiting = Alice.GetAsync($"sync?since={since}&timeout=600000");
        await Task.Delay(100);

        // Nothing else wakes the request.
        Server.Misses = static consumer => consumer is WaitingRequests;
        await Part<IStorageWriter>().WriteAsync(
            Batches.New(1).Add(new AccountLockChanged(Alice.UserId, true, SparesAdmins: false)),
            CancellationToken.None);

        (await waiting.WaitAsync(TimeSpan.FromSeconds(30))).Is(401, "M_USER_LOCKED");
    }

    [Test]
    public async Task What_waited_in_a_deleted_room_does_not_count()
    {
        var room = (await Part<RoomSnapshots>().FindAsync(await Alice.CreatesRoomAsync(), default))!.Room.Nid;
        var staged = ActivatorUtilities.CreateInstance<StagedBytes>(
            Server.Services, new ReceivingOptions { AllStagedBytes = 100, AllStagedBytesOfServer = 50 });
        staged.Set(room, [("peer.example", 20)]);
        staged.Set(new RoomNid(12345), [("peer.example", 60)]);
        Assert.That(staged.Allows("peer.example"), Is.False);

        await staged.RestoreAsync(0, 1, CancellationToken.None);
        Assert.That(staged.Allows("peer.example"));
        staged.Set(room, [("peer.example", 60)]);
        await staged.RestoreAsync(0, 1, CancellationToken.None);
        Assert.That(staged.Allows("peer.example"), Is.False);
    }
}
