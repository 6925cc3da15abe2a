using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Jobs;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Admin;

/// <summary>Purges of history, and redactions of a user's messages, in the administration API.</summary>
public sealed class HistoryPurgeTests : AdminTests
{
    private static readonly string _noEvent = "$" + new string('A', 43);

    [Test]
    public async Task Messages_before_an_event_go_and_the_room_goes_on()
    {
        var room = await CreatesRoomAsync(Alice, "Purged");
        var first = await SendsAsync(Alice, room, "teapot one");
        var root = await SendsAsync(Alice, room, "a thread begins");
        var redacted = await SendsAsync(Alice, room, "regretted");
        (await Alice.PutAsync($"rooms/{room}/redact/{redacted}/1", new JsonObject())).Is(200);
        var kept = await SendsAsync(Alice, room, "teapot two");
        (await Alice.PutAsync($"rooms/{room}/send/m.room.message/t", new JsonObject
        {
            ["msgtype"] = "m.text",
            ["body"] = "in the thread",
            ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = root },
        })).Is(200);
        var since = (await Alice.GetAsync("sync?timeout=0")).Is(200).Member("next_batch");

        await PurgesAsync($"{room}/{kept}", new JsonObject());
        (await Alice.GetAsync($"rooms/{room}/event/{first}")).Is(200);
        await PurgesAsync($"{room}/{kept}", new JsonObject { ["delete_local_events"] = true });

        (await Alice.GetAsync($"rooms/{room}/event/{first}")).Is(404, "M_NOT_FOUND");
        (await Alice.GetAsync($"rooms/{room}/event/{redacted}")).Is(404, "M_NOT_FOUND");
        (await Alice.GetAsync($"rooms/{room}/event/{kept}")).Is(200);
        (await Alice.GetAsync($"rooms/{room}/state/m.room.name/")).Is(200);
        Assert.That(
            await BodiesAsync(room), Is.EqualTo(new[] { "in the thread", "teapot two", "a thread begins" }));
        var threads = (await Alice.GetAsync($"/_matrix/client/v1/rooms/{room}/threads")).Is(200).Json["chunk"]!;
        Assert.That((string?)threads.AsArray().Single()!["event_id"], Is.EqualTo(root));
        var later = await SendsAsync(Alice, room, "after");
        var news = (await Alice.GetAsync($"sync?timeout=0&since={since}")).Is(200).Json;
        Assert.That((string?)news["rooms"]!["join"]![room]!["timeline"]!["events"]![0]!["event_id"], Is.EqualTo(later));
        Assert.That(
            await AuditOfAsync(room), Is.EqualTo(new[] { "room.purge_history: done", "room.purge_history: done" }));
    }

    [Test]
    public async Task Messages_up_to_a_time_go_but_for_the_last_event()
    {
        var room = await CreatesRoomAsync(Alice, "By time");
        await SendsAsync(Alice, room, "old");
        await SendsAsync(Alice, room, "last");
        await PurgesAsync(room, new JsonObject
        {
            ["purge_up_to_ts"] = DateTimeOffset.UtcNow.AddDays(1).ToUnixTimeMilliseconds(),
            ["delete_local_events"] = true,
        });
        Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "last" }));
        await SendsAsync(Alice, room, "it goes on");
        Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "it goes on", "last" }));
    }

    [Test]
    public async Task A_purge_while_others_send_deletes_what_is_old_only()
    {
        var room = await CreatesRoomAsync(Alice, "Busy");
        for (var i = 0; i < 30; i++) await SendsAsync(Alice, room, $"old {i}");
        var point = await SendsAsync(Alice, room, "point");
        var sending = Task.Run(async () =>
        {
            for (var i = 0; i < 30; i++) await SendsAsync(Alice, room, $"new {i}");
        });
        await PurgesAsync($"{room}/{point}", new JsonObject { ["delete_local_events"] = true });
        await sending;
        var bodies = await BodiesAsync(room);
        Assert.That(bodies.Count(body => body.StartsWith("new ", StringComparison.Ordinal)), Is.EqualTo(30));
        Assert.That(bodies.Where(body => body.StartsWith("old ", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public async Task Purged_messages_are_not_unread_any_more()
    {
        var room = await CreatesRoomAsync(Alice, "Unread");
        var bob = await Server.RegistersAsync("bob-who-reads-later");
        (await bob.PostAsync($"rooms/{room}/join")).Is(200);
        for (var i = 0; i < 3; i++) await SendsAsync(Alice, room, "for Bob", bob);
        var last = await SendsAsync(Alice, room, "stays");
        var since = (await bob.GetAsync("sync?timeout=0")).Is(200);
        Assert.That(Counts(since.Json, room), Is.EqualTo("4, 3"));

        await PurgesAsync($"{room}/{last}", new JsonObject { ["delete_local_events"] = true });

        var news = (await bob.GetAsync($"sync?timeout=0&since={since.Member("next_batch")}")).Is(200).Json;
        Assert.That(Counts(news, room), Is.EqualTo("1, 0"), "clients learn of it");
        await SendsAsync(Alice, room, "again", bob);
        Assert.That(Counts((await bob.GetAsync("sync?timeout=0")).Is(200).Json, room), Is.EqualTo("2, 1"));
    }

    [Test]
    public async Task What_a_purge_keeps_is_as_unread_as_before_and_so_are_its_threads()
    {
        var room = await CreatesRoomAsync(Alice, "Kept");
        var bob = await Server.RegistersAsync("bob-who-is-muted");
        (await bob.PostAsync($"rooms/{room}/join")).Is(200);
        (await bob.PutAsync(
            $"pushrules/global/room/{room}", new JsonObject { ["actions"] = new JsonArray() })).Is(200);
        var root = await SendsAsync(Alice, room, "muted");
        (await Alice.PutAsync($"rooms/{room}/send/m.room.message/t", new JsonObject
        {
            ["msgtype"] = "m.text",
            ["body"] = "in the thread",
            ["m.mentions"] = new JsonObject { ["user_ids"] = new JsonArray(bob.UserId) },
            ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = root },
        })).Is(200);
        var last = await SendsAsync(Alice, room, "last");
        var before = Counts((await bob.GetAsync("sync?timeout=0")).Is(200).Json, room);

        await PurgesAsync($"{room}/{last}", new JsonObject());

        Assert.That(Counts((await bob.GetAsync("sync?timeout=0")).Is(200).Json, room), Is.EqualTo(before));
        Assert.That(before, Is.EqualTo("1, 1"));
        var threads = (await Alice.GetAsync($"/_matrix/client/v1/rooms/{room}/threads")).Is(200).Json["chunk"]!;
        Assert.That((string?)threads.AsArray().Single()!["event_id"], Is.EqualTo(root));
    }

    [Test]
    public async Task Refusals_of_purges_are_clear()
    {
        var room = await CreatesRoomAsync(Alice, "Refused");
        (await Root.PostAsync($"{V1}purge_history/{room}")).Is(400, "M_MISSING_PARAM");
        (await Root.PostAsync($"{V1}purge_history/{room}/{_noEvent}")).Is(404, "M_NOT_FOUND");
        (await Root.PostAsync($"{V1}purge_history/!none:test.example/{_noEvent}")).Is(404, "M_NOT_FOUND");
        (await Root.PostAsync($"{V1}purge_history/{room}", new JsonObject { ["purge_up_to_ts"] = 1 }))
            .Is(404, "M_NOT_FOUND");
        (await Root.PostAsync($"{V1}purge_history/{room}", new JsonObject { ["purge_up_to_ts"] = "x" }))
            .Is(400, "M_BAD_JSON");
        (await Root.GetAsync($"{V1}purge_history_status/none")).Is(404, "M_NOT_FOUND");
        (await Alice.PostAsync($"{V1}purge_history/{room}/{_noEvent}")).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task The_messages_of_a_user_are_redacted_in_their_name()
    {
        var bob = await Server.RegistersAsync("bob-of-spam");
        var room = await CreatesRoomAsync(Alice, "Spam");
        (await bob.PostAsync($"rooms/{room}/join")).Is(200);
        var spam = new[] { await SendsAsync(bob, room, "a"), await SendsAsync(bob, room, "b") };
        var ham = await SendsAsync(Alice, room, "c");
        var body = new JsonObject { ["rooms"] = new JsonArray(), ["reason"] = "spam" };
        var id = (await Root.PostAsync($"{V1}user/{bob.UserId}/redact", body)).Is(200).Member("redact_id");
        await Server.Services.GetRequiredService<JobList>().WaitAsync(id, default);
        Assert.That(
            (await Root.GetAsync($"{V1}user/redact_status/{id}")).Is(200).Text,
            Is.EqualTo("""{"status":"complete","failed_redactions":{}}"""));
        foreach (var each in spam)
        {
            var read = (await Alice.GetAsync($"rooms/{room}/event/{each}")).Is(200).Json;
            Assert.That((string?)read["unsigned"]!["redacted_because"]!["content"]!["reason"], Is.EqualTo("spam"));
        }

        Assert.That(
            (string?)(await Alice.GetAsync($"rooms/{room}/event/{ham}")).Is(200).Json["content"]!["body"],
            Is.EqualTo("c"));
        (await Root.PostAsync($"{V1}user/{bob.UserId}/redact")).Is(400, "M_BAD_JSON");
        (await Root.PostAsync($"{V1}user/@none:test.example/redact", body.DeepClone())).Is(404, "M_NOT_FOUND");
        (await Root.GetAsync($"{V1}user/redact_status/none")).Is(404, "M_NOT_FOUND");
        Assert.That(await AuditOfAsync(bob.UserId), Is.EqualTo(new[] { "user.redact: done" }));
    }

    private async Task PurgesAsync(string path, JsonObject body)
    {
        var id = (await Root.PostAsync($"{V1}purge_history/{path}", body)).Is(200).Member("purge_id");
        await Server.Services.GetRequiredService<JobList>().WaitAsync(id, default);
        Assert.That(
            (await Root.GetAsync($"{V1}purge_history_status/{id}")).Is(200).Text,
            Is.EqualTo("""{"status":"complete"}"""));
    }

    /// <summary>A room's notifications and highlights in a response of sync.</summary>
    private static string? Counts(JsonNode sync, string room)
    {
        var counts = sync["rooms"]?["join"]?[room]?["unread_notifications"];
        return counts is null ? null : $"{counts["notification_count"]}, {counts["highlight_count"]}";
    }

    /// <summary>The bodies of all messages, the newest first, by pages to the end.</summary>
    private async Task<List<string>> BodiesAsync(string room)
    {
        var bodies = new List<string>();
        for (string? from = null; ;)
        {
            var path = $"rooms/{room}/messages?dir=b&limit=5{(from is null ? "" : $"&from={from}")}";
            var page = (await Alice.GetAsync(path)).Is(200).Json;
            bodies.AddRange(page["chunk"]!.AsArray()
                .Select(each => (string?)each!["content"]?["body"]).OfType<string>());
            if ((from = (string?)page["end"]) is null) return bodies;
        }
    }

    private static async Task<string> SendsAsync(TestUser user, string room, string text, TestUser? mentioned = null)
    {
        var content = new JsonObject { ["msgtype"] = "m.text", ["body"] = text };
        if (mentioned is not null)
        {
            content["m.mentions"] = new JsonObject { ["user_ids"] = new JsonArray(mentioned.UserId) };
        }

        return (await user.PutAsync($"rooms/{room}/send/m.room.message/{Guid.NewGuid():N}", content))
            .Is(200).Member("event_id");
    }
}
