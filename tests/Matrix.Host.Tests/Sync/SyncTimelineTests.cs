using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Sync;

/// <summary>
/// Timelines in sync: their events, their ends, and the tokens that continue them. Client-Server API,
/// "Syncing".
/// </summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class SyncTimelineTests(string kind) : TwoUsersTests(kind)
{
    [Test]
    public async Task An_initial_sync_has_the_state_before_the_timeline_and_the_timeline()
    {
        var room = await Alice.CreatesRoomAsync(with: new JsonObject { ["name"] = "Kitchen" });
        for (var i = 0; i < 25; i++) await Alice.SaysAsync(room, $"m{i}");

        var sync = await Alice.SyncsAsync();
        Assert.That(sync.Joined, Is.EqualTo(new[] { room }));
        Assert.That(sync.Bodies(room), Is.EqualTo(Enumerable.Range(5, 20).Select(i => $"m{i}")));
        Assert.That(sync.IsLimited(room), Is.True);
        Assert.That(sync.State(room).Select(SyncReply.KeyOf), Is.SupersetOf(new[]
        {
            "m.room.create|",
            "m.room.name|",
            "m.room.power_levels|",
            "m.room.join_rules|",
            $"m.room.member|{Alice.UserId}",
        }));
        Assert.That((int)sync.Room(room)["summary"]!["m.joined_member_count"]!, Is.EqualTo(1));
        Assert.That(sync.Room(room)["state_after"], Is.Null);
    }

    [Test]
    public async Task A_timeline_is_limited_if_something_that_passes_its_filter_was_cut_off_and_only_then()
    {
        var room = await Alice.CreatesRoomAsync();
        for (var i = 0; i < 30; i++) await Alice.SaysAsync(room, $"m{i}");
        var since = (await Alice.SyncsAsync()).Next;
        var nothing = SyncFilters.Of(
            ("timeline", new JsonObject { ["limit"] = 0, ["types"] = new JsonArray("org.example.none") }));
        var all = SyncFilters.Of(("timeline", new JsonObject { ["limit"] = 100 }));
        var none = SyncFilters.Of(("timeline", new JsonObject { ["limit"] = 0 }));

        Assert.That((await Alice.SyncsAsync(filter: nothing)).IsLimited(room), Is.False);
        Assert.That((await Alice.SyncsAsync(filter: none.DeepClone().AsObject())).IsLimited(room), Is.True);
        Assert.That((await Alice.SyncsAsync(filter: all)).IsLimited(room), Is.False);
        await Alice.SaysAsync(room, "new");
        Assert.That((await Alice.SyncsAsync(since, filter: none)).IsLimited(room), Is.True);
    }

    [Test]
    public async Task A_user_without_access_to_earlier_history_gets_no_gap()
    {
        var room = await Alice.CreatesRoomAsync();
        await Alice.SetsAsync(room, "m.room.history_visibility", new JsonObject { ["history_visibility"] = "joined" });
        await Alice.SaysAsync(room, "hidden");
        await Bob.JoinsAsync(room);
        var sync = await Bob.SyncsAsync();
        Assert.That(sync.Bodies(room), Is.Empty);
        Assert.That(sync.IsLimited(room), Is.False);
    }

    [Test]
    public async Task A_timeline_that_begins_in_the_middle_of_the_room_is_limited()
    {
        var room = await Alice.CreatesRoomAsync();
        await Alice.SaysAsync(room, "said");
        Assert.That((await Alice.SyncsAsync()).IsLimited(room), Is.False);

        // The beginning of the room counts as not fetched.
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        var first = EventNid.FirstLiveOf((await storage.Rooms.FindAsync(room, default))!.Nid);
        var create = (await storage.Events.FindAsync(first, default))!;
        await storage.Writer.WriteAsync(
            Batches.New().Add(new EventMarksChanged(first, create.Marks | EventMarks.Outlier)),
            default);
        await Server.RestartAsync();
        Assert.That((await Alice.SyncsAsync()).IsLimited(room), Is.True);
    }

    [Test]
    public async Task A_rare_match_is_looked_for_as_long_as_the_time_for_it_lasts()
    {
        var room = await Alice.CreatesRoomAsync();
        var rare = await Alice.SendsAsync(room, "org.example.rare", new JsonObject { ["body"] = "rare" });
        var together = new ParallelOptions { MaxDegreeOfParallelism = 64 };
        await Parallel.ForEachAsync(Enumerable.Range(0, 600), together, async (n, _) =>
            await Alice.SaysAsync(room, $"m{n}"));
        var filter = SyncFilters.Of(
            ("timeline", new JsonObject { ["limit"] = 1, ["types"] = new JsonArray("org.example.rare") }));
        var found = await Alice.SyncsAsync(filter: filter.DeepClone().AsObject());
        Assert.That(found.Timeline(room).Select(e => (string?)e["event_id"]), Is.EqualTo(new[] { rare }));
        Assert.That(found.IsLimited(room), Is.False);

        var types = Uri.EscapeDataString(
            new JsonObject { ["types"] = new JsonArray("org.example.rare") }.ToJsonString());
        var page = (await Alice.GetAsync($"rooms/{room}/messages?dir=b&limit=1&filter={types}")).Json;
        Assert.That((string?)page["chunk"]![0]?["event_id"], Is.EqualTo(rare));

        await Server.RestartAsync(("limits.scan_time", "1ms"));
        var cut = await Alice.SyncsAsync(filter: filter);
        Assert.That(cut.Timeline(room), Is.Empty);
        Assert.That(cut.IsLimited(room), Is.True);
        string? from = cut.PrevBatch(room);
        for (var pages = 0; from is not null; pages++)
        {
            Assert.That(pages, Is.LessThan(700));
            page = (await Alice.GetAsync($"rooms/{room}/messages?dir=b&limit=1&filter={types}&from={from}")).Json;
            if (page["chunk"]!.AsArray().Count > 0) break;
            from = (string?)page["end"];
        }

        Assert.That(
            (string?)page["chunk"]![0]?["event_id"],
            Is.EqualTo(rare),
            "The returned tokens continue where the scan ended.");
    }

    [Test]
    public async Task An_incremental_sync_has_what_is_new_and_nothing_else()
    {
        var kitchen = await Alice.CreatesRoomAsync();
        var garden = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(kitchen);
        var since = (await Alice.SyncsAsync()).Next;

        await Bob.SaysAsync(kitchen, "hello");
        var sync = await Alice.SyncsAsync(since);
        Assert.That(sync.Joined, Is.EqualTo(new[] { kitchen }));
        Assert.That(sync.Bodies(kitchen), Is.EqualTo(new[] { "hello" }));
        Assert.That((sync.State(kitchen).Count, sync.IsLimited(kitchen)), Is.EqualTo((0, false)));
        Assert.That((await Alice.SyncsAsync(sync.Next)).IsEmpty, Is.True);
        Assert.That(garden, Is.Not.Empty);
    }

    [Test]
    public async Task A_token_can_be_used_twice()
    {
        var room = await Alice.CreatesRoomAsync();
        var since = (await Alice.SyncsAsync()).Next;
        await Alice.SaysAsync(room, "one");
        Assert.That((await Alice.SyncsAsync(since)).Bodies(room), Is.EqualTo(new[] { "one" }));
        await Alice.SaysAsync(room, "two");
        Assert.That((await Alice.SyncsAsync(since)).Bodies(room), Is.EqualTo(new[] { "one", "two" }));
    }

    [Test]
    public async Task Tokens_from_before_a_restart_continue_and_nothing_is_lost_or_sent_twice()
    {
        var room = await Alice.CreatesRoomAsync();
        var sync = await Alice.SyncsAsync();
        await Alice.SaysAsync(room, "before");
        await Server.RestartAsync();
        await Alice.SaysAsync(room, "after");

        var next = await Alice.SyncsAsync(sync.Next);
        Assert.That(next.Bodies(room), Is.EqualTo(new[] { "before", "after" }));
        Assert.That(next.State(room), Is.Empty);
        Assert.That((await Alice.SyncsAsync(next.Next)).IsEmpty, Is.True);
    }
}
