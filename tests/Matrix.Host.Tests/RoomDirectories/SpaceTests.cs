using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using Matrix.Host.Tests.Sync;

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

    private async Task<(string Room, int Children)[]> TreeAsync(string root) =>
    [
        .. (await Alice.GetAsync($"/_matrix/client/v1/rooms/{SyncingUsers.Esc(root)}/hierarchy")).Is(200)
            .Json["rooms"]!.AsArray()
            .Select(each => ((string)each!["room_id"]!, each["children_state"]!.AsArray().Count)),
    ];
}
