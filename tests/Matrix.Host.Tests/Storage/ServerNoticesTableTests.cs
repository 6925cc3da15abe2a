using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ServerNotices;

namespace Matrix.Host.Tests.Storage;

/// <summary>The table of the rooms of notices.</summary>
internal sealed class ServerNoticesTableTests(string kind) : StorageTests(kind)
{
    [Test]
    public async Task A_user_has_one_room()
    {
        Assert.That(await Store.ServerNotices.FindAsync("@a:x", Stop), Is.Null);
        var first = await Store.Writer.WriteAsync(
            Batches.New(1).Require(new NoticeRoomMade("@a:x", new RoomNid(7))), Stop);
        var second = await Store.Writer.WriteAsync(
            Batches.New(1).Require(new NoticeRoomMade("@a:x", new RoomNid(8))), Stop);

        Assert.That((first.Refused, second.Refused), Is.EqualTo((false, true)));
        Assert.That(await Store.ServerNotices.FindAsync("@a:x", Stop), Is.EqualTo(new RoomNid(7)));
        Assert.That(await Store.ServerNotices.FindAsync("@b:x", Stop), Is.Null);
    }
}
