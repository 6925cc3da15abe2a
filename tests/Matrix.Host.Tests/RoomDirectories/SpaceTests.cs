using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.RoomDirectories;

/// <summary>The rooms of spaces. Client-Server API, "Spaces".</summary>
internal sealed class SpaceTests : TwoUsersTests
{
    [Test]
    public async Task Only_a_space_has_children()
    {
        var child = await Alice.CreatesRoomAsync();
        var space = await Alice.CreatesRoomAsync(with: new JsonObject
        {
            ["creation_content"] = new JsonObject { ["type"] = "m.space" },
        });
        var room = await Alice.CreatesRoomAsync();
        foreach (var parent in new[] { space, room })
        {
            await Alice.SetsAsync(
                parent, "m.space.child", new JsonObject { ["via"] = new JsonArray("test.example") }, child);
        }

        Assert.That(await TreeAsync(space), Is.EqualTo(new[] { (space, 1), (child, 0) }));
        Assert.That(await TreeAsync(room), Is.EqualTo(new[] { (room, 0) }));
    }

    [Test]
    public async Task The_next_page_begins_after_the_last_room_whatever_came_before_it_since()
    {
        var (space, rooms) = await SpaceAsync("b", "c", "d");
        var (first, next) = await PageAsync(space, null);
        Assert.That(first, Is.EqualTo(new[] { space, rooms[0] }));

        var late = await Alice.CreatesRoomAsync();
        await AddsAsync(space, late, "a");
        (var second, next) = await PageAsync(space, next);
        Assert.That(second, Is.EqualTo(new[] { rooms[1], rooms[2] }));
        Assert.That(next, Is.Null);
    }

    [Test]
    public async Task Pages_go_on_by_the_number_of_rooms_if_the_last_one_is_gone()
    {
        var (space, rooms) = await SpaceAsync("b", "c", "d");
        var (_, next) = await PageAsync(space, null);
        await Alice.SetsAsync(space, "m.space.child", [], rooms[0]);

        var (second, end) = await PageAsync(space, next);
        Assert.That((second.Single(), end), Is.EqualTo((rooms[2], (string?)null)));
        var older = string.Join('_', next!.Split('_').Take(3));
        Assert.That((await PageAsync(space, older)).Rooms, Is.EqualTo(second), "a token of an older version");
        (await Alice.GetAsync(PathOf(space, older + "_x"))).Is(400, "M_INVALID_PARAM");
    }

    private async Task<(string Space, string[] Rooms)> SpaceAsync(params string[] orders)
    {
        var space = await Alice.CreatesRoomAsync(with: new JsonObject
        {
            ["creation_content"] = new JsonObject { ["type"] = "m.space" },
        });
        var rooms = new List<string>();
        foreach (var order in orders)
        {
            rooms.Add(await Alice.CreatesRoomAsync());
            await AddsAsync(space, rooms[^1], order);
        }

        return (space, [.. rooms]);
    }

    private Task<string> AddsAsync(string space, string child, string order) => Alice.SetsAsync(
        space, "m.space.child", new() { ["via"] = new JsonArray("test.example"), ["order"] = order }, child);

    /// <summary>A page of two rooms.</summary>
    private async Task<(string[] Rooms, string? Next)> PageAsync(string space, string? from)
    {
        var page = (await Alice.GetAsync(PathOf(space, from))).Is(200).Json;
        return (
            [.. page["rooms"]!.AsArray().Select(each => (string)each!["room_id"]!)], (string?)page["next_batch"]);
    }

    private static string PathOf(string space, string? from) =>
        $"/_matrix/client/v1/rooms/{UserActions.Esc(space)}/hierarchy?limit=2" + (from is null ? "" : "&from=" + from);

    private async Task<(string Room, int Children)[]> TreeAsync(string root) =>
    [
        .. (await Alice.GetAsync($"/_matrix/client/v1/rooms/{UserActions.Esc(root)}/hierarchy")).Is(200)
            .Json["rooms"]!.AsArray()
            .Select(each => ((string)each!["room_id"]!, each["children_state"]!.AsArray().Count)),
    ];
}
