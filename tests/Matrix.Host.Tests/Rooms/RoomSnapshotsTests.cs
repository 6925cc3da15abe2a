using Matrix.Host.Storage;

namespace Matrix.Host.Tests.Rooms;

/// <summary>Rooms by number and by id, from memory and from the database.</summary>
internal sealed class RoomSnapshotsTests
{
    [Test]
    public async Task Many_rooms_come_in_the_order_asked_for_wherever_they_are_and_absent_ones_are_left_out()
    {
        await using var world = await RoomsWorld.StartsAsync();
        var ids = new List<string>();
        for (var i = 0; i < 20; i++) ids.Add(await world.CreatesRoomAsync("alice"));
        await world.RestartsAsync();

        // Every third room is in memory; the others are read from the database; one does not exist.
        var rooms = world.Rooms.Rooms;
        foreach (var id in ids.Where((_, i) => i % 3 == 0)) await rooms.FindAsync(id, default);
        var nids = new Dictionary<string, RoomNid>();
        foreach (var id in ids) nids[id] = (await world.Storage.Rooms.FindAsync(id, default))!.Nid;
        string[] wanted = [.. ids.Where((_, i) => i % 2 == 0).Reverse(), .. ids.Where((_, i) => i % 2 == 1)];
        var asked = wanted.Select(id => nids[id]).ToList();
        asked.Insert(7, new RoomNid(9_999));

        var found = await rooms.FindManyAsync(asked, default);

        Assert.That(found.Select(view => view.Room.RoomId), Is.EqualTo(wanted));
    }

    [Test]
    public async Task A_room_is_known_once_it_was_asked_for()
    {
        await using var world = await RoomsWorld.StartsAsync();
        var id = await world.CreatesRoomAsync("alice");
        await world.RestartsAsync();
        var rooms = world.Rooms.Rooms;

        Assert.That(rooms.Known(id), Is.Null);
        var view = await rooms.FindAsync(id, default);
        Assert.That(rooms.Known(id), Is.SameAs(view));
        Assert.That(rooms.Known("!nowhere:one.test"), Is.Null);
    }
}
