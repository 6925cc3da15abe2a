using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Tests.Storage;

namespace Matrix.Host.Tests.Rooms;

/// <summary>The bounds on what waits in all rooms.</summary>
internal sealed class StagedBytesTests
{
    [Test]
    public void What_waits_in_a_room_does_not_count_after_the_room_is_deleted()
    {
        var staged = new StagedBytes(null!, new ReceivingOptions { AllStagedBytes = 100, AllStagedBytesOfServer = 50 });
        staged.Set(Samples.Kitchen, [("peer.example", 60)]);
        Assert.That(staged.Allows("peer.example"), Is.False);

        staged.OnChange(new RoomDeleted(Samples.Identity(Samples.Kitchen), [], 1), 1);

        Assert.That(staged.Allows("peer.example"), Is.True);
    }
}
