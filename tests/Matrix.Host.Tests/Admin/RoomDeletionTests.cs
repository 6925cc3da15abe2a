using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Admin;

/// <summary>Deletion of rooms in the administration API.</summary>
public sealed class RoomDeletionTests : AdminTests
{
    [Test]
    public async Task Nothing_of_a_deleted_room_stays_and_its_members_see_that_they_left()
    {
        var bob = await Server.RegistersAsync("bob-of-deleted");
        var room = await CreatesRoomAsync(Alice, "Deleted");
        (await bob.PostAsync($"rooms/{room}/join")).Is(200);
        var root = (await Alice.PutAsync($"rooms/{room}/send/m.room.message/1", Text("teapot"))).Is(200)
            .Member("event_id");
        await Alice.PutAsync($"rooms/{room}/send/m.room.message/2", new JsonObject
        {
            ["msgtype"] = "m.text",
            ["body"] = "in a thread",
            ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = root },
        });
        (await bob.PostAsync($"rooms/{room}/receipt/m.read/{root}")).Is(200);
        (await bob.PutAsync($"user/{bob.UserId}/rooms/{room}/account_data/a.b", new JsonObject { ["a"] = 1 })).Is(200);
        (await Alice.PutAsync("directory/room/%23gone:test.example", new JsonObject { ["room_id"] = room })).Is(200);
        var since = (await bob.GetAsync("sync?timeout=0")).Is(200).Member("next_batch");
        var nid = await NidOfAsync(room);

        var done = (await DeletesAsync(room, new JsonObject())).Json;
        Assert.That(
            (Texts(done["shutdown_room"]!["kicked_users"]), Texts(done["shutdown_room"]!["local_aliases"])),
            Is.EqualTo(($"{Alice.UserId} {bob.UserId}", "#gone:test.example")));
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        foreach (var table in storage.RoomRows.Tables)
        {
            Assert.That(await storage.RoomRows.AnyAsync(table, nid, default), Is.False, table);
        }

        Assert.That(await storage.RoomRows.UsersAsync(nid, 9, default), Is.Empty);
        var news = (await bob.GetAsync($"sync?timeout=0&since={since}")).Is(200).Json;
        Assert.That(Names(news["rooms"]!["leave"]), Is.EqualTo(new[] { room }));
        var leave = news["rooms"]!["leave"]![room]!["timeline"]!["events"]!.AsArray().Single()!;
        Assert.That(
            ((string?)leave["state_key"], (string?)leave["content"]!["membership"]),
            Is.EqualTo((bob.UserId, "leave")));
        var age = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() - (long)leave["origin_server_ts"]!;
        Assert.That(age, Is.InRange(0, 60_000));
        var initial = (await bob.GetAsync("sync?timeout=0")).Is(200).Json;
        Assert.That(initial["rooms"]?["join"]?[room], Is.Null);

        (await Root.GetAsync($"{V1}rooms/{room}")).Is(404, "M_NOT_FOUND");
        (await Alice.PutAsync($"rooms/{room}/send/m.room.message/3", Text("late"))).Is(403, "M_FORBIDDEN");
        (await Alice.GetAsync($"rooms/{room}/messages?dir=b")).Is(403, "M_FORBIDDEN");
        (await Alice.GetAsync("directory/room/%23gone:test.example")).Is(404, "M_NOT_FOUND");
        (await bob.PostAsync($"rooms/{room}/forget")).Is(200);
        Assert.That(await AuditOfAsync(room), Is.EqualTo(new[] { "room.delete: done" }));
    }

    [Test]
    public async Task Members_and_aliases_move_to_a_new_room_with_a_message()
    {
        var room = await CreatesRoomAsync(Alice, "Moved");
        (await Alice.PutAsync("directory/room/%23moved:test.example", new JsonObject { ["room_id"] = room })).Is(200);
        var done = (await DeletesAsync(room, new JsonObject
        {
            ["new_room_user_id"] = Root.UserId,
            ["room_name"] = "Notice",
            ["message"] = "It was deleted.",
            ["block"] = true,
        })).Json["shutdown_room"]!;
        var moved = (string)done["new_room_id"]!;
        var found = (await Alice.GetAsync("directory/room/%23moved:test.example")).Is(200);
        Assert.That(found.Member("room_id"), Is.EqualTo(moved));
        var page = (await Alice.GetAsync($"rooms/{moved}/messages?dir=f")).Is(200).Json["chunk"]!.AsArray();
        Assert.That(
            page.Select(each => (string?)each!["content"]?["body"]).OfType<string>(),
            Is.EqualTo(new[] { "It was deleted." }));
        (await Alice.PutAsync($"rooms/{moved}/send/m.room.message/1", Text("no"))).Is(403, "M_FORBIDDEN");
        (await Alice.PostAsync($"rooms/{room}/join")).Is(403, "M_FORBIDDEN");
        Assert.That(await AuditOfAsync(room), Is.EqualTo(new[] { "room.delete: done", "room.block: done" }));
    }

    [Test]
    public async Task Without_purge_the_room_stays_and_local_members_leave()
    {
        var room = await CreatesRoomAsync(Alice, "Shut down");
        var gone = (await Root.DeleteAsync($"{V1}rooms/{room}", new JsonObject { ["purge"] = false })).Is(200).Json;
        Assert.That(Names(gone), Is.EqualTo(
            new[] { "kicked_users", "failed_to_kick_users", "local_aliases", "new_room_id" }));
        var details = (await Root.GetAsync($"{V1}rooms/{room}")).Is(200).Json;
        Assert.That((int)details["joined_local_members"]!, Is.Zero);
    }

    [Test]
    public async Task Refusals_and_unknown_deletions_are_clear()
    {
        var room = await CreatesRoomAsync(Alice, "Kept");
        (await Root.DeleteAsync($"{V2}rooms/!none:test.example")).Is(404, "M_NOT_FOUND");
        (await Root.DeleteAsync($"{V2}rooms/{room}", new JsonObject { ["purge"] = 1 })).Is(400, "M_BAD_JSON");
        (await Root.DeleteAsync($"{V2}rooms/{room}", new JsonObject { ["new_room_user_id"] = "x" }))
            .Is(400, "M_INVALID_PARAM");
        (await Root.DeleteAsync($"{V2}rooms/{room}", new JsonObject { ["new_room_user_id"] = "@x:other.example" }))
            .Is(400, "M_INVALID_PARAM");
        (await Root.DeleteAsync($"{V2}rooms/{room}", new JsonObject { ["new_room_user_id"] = "@nobody:test.example" }))
            .Is(404, "M_NOT_FOUND");
        (await Root.GetAsync($"{V2}rooms/{room}/delete_status")).Is(404, "M_NOT_FOUND");
        (await Root.GetAsync($"{V2}rooms/delete_status/none")).Is(404, "M_NOT_FOUND");
        (await Alice.DeleteAsync($"{V2}rooms/{room}")).Is(403, "M_FORBIDDEN");
        (await Alice.GetAsync($"rooms/{room}/joined_members")).Is(200);

        var blocked = await DeletesAsync("!unknown:test.example", new JsonObject { ["block"] = true });
        Assert.That((string?)blocked.Json["status"], Is.EqualTo("complete"));
        Assert.That(
            (bool)(await Root.GetAsync($"{V1}rooms/!unknown:test.example/block")).Is(200).Json["block"]!, Is.True);
    }

    [Test]
    public async Task Jobs_are_listed_shown_paused_and_cancelled()
    {
        var room = await CreatesRoomAsync(Alice, "Paused");
        (await Root.PostAsync($"{V1}background_updates/enabled", new JsonObject { ["enabled"] = false })).Is(200);
        Assert.That(
            (await Root.GetAsync($"{V1}background_updates/status")).Is(200).Text,
            Is.EqualTo("""{"enabled":false,"current_updates":{}}"""));
        var id = (await Root.DeleteAsync($"{V2}rooms/{room}")).Is(200).Member("delete_id");
        (await Root.DeleteAsync($"{V2}rooms/{room}")).Is(400, "M_UNKNOWN");
        var job = (await Root.GetAsync($"{V1}jobs/{id}")).Is(200).Json;
        Assert.That(
            ((string?)job["kind"], (string?)job["subject"], (string?)job["status"], (string?)job["who"]),
            Is.EqualTo(("room.delete", room, "scheduled", Root.UserId)));
        var tasks = (await Root.GetAsync($"{V1}scheduled_tasks?resource_id={room}&job_status=scheduled")).Is(200).Json;
        Assert.That((string?)tasks["scheduled_tasks"]![0]!["id"], Is.EqualTo(id));
        var list = (await Root.GetAsync($"{V1}jobs?kind=room.delete&subject={room}")).Is(200).Json;
        Assert.That((int)list["total"]!, Is.EqualTo(1));

        (await Root.DeleteAsync($"{V1}jobs/{id}")).Is(200);
        (await Root.DeleteAsync($"{V1}jobs/{id}")).Is(400, "M_UNKNOWN");
        (await Root.DeleteAsync($"{V1}jobs/none")).Is(404, "M_NOT_FOUND");
        (await Root.PostAsync($"{V1}background_updates/enabled", new JsonObject { ["enabled"] = true })).Is(200);
        Assert.That(
            (await Root.GetAsync($"{V1}background_updates/enabled")).Is(200).Text, Is.EqualTo("""{"enabled":true}"""));
        (await Alice.PutAsync($"rooms/{room}/send/m.room.message/1", Text("it stays"))).Is(200);
        Assert.That(await AuditOfAsync(id), Is.EqualTo(new[] { "job.cancel: done" }));
    }

    private static JsonObject Text(string text) => new() { ["msgtype"] = "m.text", ["body"] = text };

    private static string Texts(JsonNode? list) =>
        string.Join(' ', list!.AsArray().Select(each => (string?)each).Order());

    private async Task<RoomNid> NidOfAsync(string room) =>
        (await Server.Services.GetRequiredService<OpenedStorage>().Rooms.FindAsync(room, default))!.Nid;

    private async Task<Reply> DeletesAsync(string room, JsonObject body)
    {
        var id = (await Root.DeleteAsync($"{V2}rooms/{room}", body)).Is(200).Member("delete_id");
        await Server.Services.GetRequiredService<JobList>().WaitAsync(id, default);
        var status = (await Root.GetAsync($"{V2}rooms/delete_status/{id}")).Is(200);
        Assert.That((string?)status.Json["status"], Is.EqualTo("complete"), status.Text);
        var ofRoom = (await Root.GetAsync($"{V2}rooms/{room}/delete_status")).Is(200).Json;
        Assert.That((string?)ofRoom["results"]![0]!["delete_id"], Is.EqualTo(id));
        return status;
    }
}
