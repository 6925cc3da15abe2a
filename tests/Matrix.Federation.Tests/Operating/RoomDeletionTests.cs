using System.Text.Json.Nodes;
using Matrix.Processes;

namespace Matrix.Federation.Tests.Operating;

/// <summary>Deletion of a room with members on another server, by the operator of one of two servers.</summary>
public sealed class RoomDeletionTests
{
    [Test]
    public async Task Members_on_another_server_see_that_the_local_ones_left_and_keep_the_room()
    {
        await using var here = await TestServer.StartFederatingAsync();
        await using var there = await TestServer.StartFederatingAsync();
        var alice = await here.RegistersAsync("alice");
        var carol = await here.RegistersAsync("carol");
        var bob = await there.RegistersAsync("bob");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        await carol.JoinsAsync(roomId);
        await bob.JoinsAsync(roomId, here.Name);
        var said = await alice.SaysAsync(roomId, "before");
        await Until.HoldsAsync(async () => (await bob.GetAsync($"rooms/{roomId}/event/{said}")).Status == 200);
        var since = await bob.SyncTokenAsync();
        var listed = await RunAsync(here, "room", "show", roomId, "--format", "json");
        Assert.That(listed.Json.GetProperty("joined_members").GetInt32(), Is.EqualTo(3));

        var ran = await RunAsync(here, "room", "delete", roomId, "--format", "json");

        Assert.That((ran.Code, ran.Json.GetProperty("status").GetString()), Is.EqualTo((0, "complete")), ran.Errors);
        (await alice.GetAsync($"rooms/{roomId}/state")).Is(403, "M_FORBIDDEN");
        (await alice.GetAsync($"rooms/{roomId}/event/{said}")).Is(404, "M_NOT_FOUND");
        foreach (var user in (string[])[alice.UserId, carol.UserId])
        {
            await Until.HoldsAsync(async () => (string?)(await bob.GetAsync(
                $"rooms/{roomId}/state/m.room.member/{user}")).Is(200).Json["membership"] == "leave");
        }

        var room = (await bob.SyncsAsync(since))["rooms"]!["join"]![roomId]!;
        Assert.That(
            room["timeline"]!["events"]!.AsArray()
                .Where(each => (string?)each!["content"]!["membership"] == "leave")
                .Select(each => (string?)each!["state_key"]),
            Is.EquivalentTo(new[] { alice.UserId, carol.UserId }));
        (await bob.GetAsync($"rooms/{roomId}/event/{said}")).Is(200);
        await bob.SaysAsync(roomId, "the room goes on here");
        Assert.That((await RunAsync(here, "room", "show", roomId)).Code, Is.EqualTo(1), "it does not come back");
    }

    private static Task<Ran> RunAsync(TestServer server, params string[] arguments) =>
        Command.RunInAsync(server.Variables, "", arguments);
}
