namespace Matrix.Host.Tests.Rooms;

/// <summary>Rooms whose id is the hash of their create event, made within one millisecond.</summary>
internal sealed class SameMomentTests
{
    [Test]
    public async Task Rooms_that_one_user_creates_alike_in_the_same_moment_are_different_rooms()
    {
        await using var world = await RoomsWorld.StartsAsync();
        await world.KnowsAsync("alice");
        var rooms = await Task.WhenAll(
            Enumerable.Range(0, 50).Select(_ => Task.Run(() => world.CreatesRoomAsync("alice"))));
        Assert.That(rooms, Is.Unique);
    }
}
