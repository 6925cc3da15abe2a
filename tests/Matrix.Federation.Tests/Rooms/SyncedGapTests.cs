using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// What clients that sync get of a gap whose first follower they were not shown: each missing event once, and none is
/// left out.
/// </summary>
public sealed class SyncedGapTests : HistoryGaps
{
    [TestCase(false)]
    [TestCase(true)]
    public async Task A_client_is_told_of_a_gap_before_an_event_that_it_did_not_see(bool readsBackToSince)
    {
        var since = (string)(await Alice.SyncsAsync())["next_batch"]!;
        Room.Says("bob", "missed");
        await HideAsync(Room.Latest);
        var quiet = await Alice.SyncsAsync(since);
        Assert.That(quiet["rooms"]?["join"]?[Room.RoomId]?["timeline"]?["events"]?.AsArray() ?? [], Is.Empty);

        await SendAsync(Room.Says("bob", "after"));

        var room = (await Alice.SyncsAsync((string)quiet["next_batch"]!))["rooms"]!["join"]![Room.RoomId]!;
        Assert.That((bool?)room["timeline"]!["limited"], Is.True);
        var to = readsBackToSince ? $"&to={quiet["next_batch"]}" : "";
        var page = (await Alice.GetAsync(
            $"rooms/{PeerRoom.Escape(Room.RoomId)}/messages?dir=b&limit=5&from={room["timeline"]!["prev_batch"]}{to}"))
            .Is(200).Json["chunk"]!.AsArray();
        Assert.That(page, Has.Count.EqualTo(readsBackToSince ? 1 : 5));
        Assert.That((string?)page[0]!["content"]!["body"], Is.EqualTo("missed"));
        await SendAsync(Room.Says("bob", "later"));
        Assert.That(await ScrollAsync(5), Is.EqualTo(new[] { "later", "after", "missed", "before" }));
    }

    [Test]
    public async Task A_gap_before_a_hidden_event_comes_in_parts_back_to_a_sync_token()
    {
        var quiet = await MissAsync(5);
        await SendAsync(Room.Says("bob", "after"));

        var timeline = await TimelineAsync(quiet);

        Assert.That(BodiesOf(timeline["events"]), Is.EqualTo(new[] { "after" }));
        Assert.That((bool?)timeline["limited"], Is.True);
        var from = (string)timeline["prev_batch"]!;
        Assert.That(await BackAsync(from, quiet, limit: 1), Is.EqualTo("4,3,2,1,0".Split(',')));
        Assert.That(await BackAsync(from, quiet, limit: 10), Is.EqualTo("4,3,2,1,0".Split(',')), "from its database");
    }

    [TestCase(5)]
    [TestCase(3)]
    public async Task A_gap_that_another_client_filled_comes_with_the_next_event_that_is_shown(int filled)
    {
        await StartAgainAsync(("federation.history_pause", "1ms"));
        var quiet = await MissAsync(5);
        var left = 1;
        (Peer.Backfills, Peer.MostBackfilled) = (_ => left-- > 0, filled);
        Assert.That(await ScrollAsync(10), Has.Length.EqualTo(filled + 1));
        Peer.Backfills = _ => true;
        await Task.Delay(5);

        // What clients are not shown tells of nothing.
        await HideAsync(Room.Latest);
        quiet = await QuietAsync(quiet);
        await SendAsync(Room.Says("bob", "after"));

        var timeline = await TimelineAsync(quiet);

        Assert.That(BodiesOf(timeline["events"]), Is.EqualTo(new[] { "after" }));
        Assert.That((bool?)timeline["limited"], Is.True);
        Assert.That(
            await BackAsync((string)timeline["prev_batch"]!, quiet, limit: 2), Is.EqualTo("4,3,2,1,0".Split(',')));
        var onward = await PageAsync($"dir=f&limit=20&from={quiet}");
        Assert.That(BodiesOf(onward["chunk"]), Is.EqualTo("0,1,2,3,4,after".Split(',')));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task What_came_late_is_told_once(bool isInitial)
    {
        var since = await Alice.SyncTokenAsync();
        await SendAsync(Room.Says("bob", "shown"));
        for (var n = 0; n < 3; n++) Room.Says("bob", $"{n}");
        await HideAsync(Room.Latest);
        Assert.That(await ScrollAsync(10), Is.EqualTo("2,1,0,shown,before".Split(',')));

        var first = await Alice.SyncsAsync(isInitial ? null : since);
        var timeline = first["rooms"]!["join"]![Room.RoomId]!["timeline"]!;
        Assert.That(BodiesOf(timeline["events"])[^1], Is.EqualTo("shown"));
        var quiet = (string)first["next_batch"]!;
        var back = await PageAsync($"dir=b&limit=1&from={quiet}");
        Assert.That(BodiesOf(back["chunk"]), Is.EqualTo(new[] { "shown" }));

        await SendAsync(Room.Says("bob", "after"));
        timeline = await TimelineAsync(quiet);
        Assert.That(BodiesOf(timeline["events"]), Is.EqualTo(new[] { "after" }));
        Assert.That(
            await BackAsync((string)timeline["prev_batch"]!, quiet, limit: 10), Is.EqualTo("2,1,0".Split(',')));
    }

    [Test]
    public async Task The_members_at_a_sync_token_have_those_that_a_hidden_event_brought()
    {
        var since = await Alice.SyncTokenAsync();
        var carol = Room.User("carol");
        Room.Makes("carol", "m.room.member", carol, new() { ["membership"] = "join" });
        await HideAsync(Room.Latest);

        var sync = await Alice.SyncsAsync(since);

        Assert.That(sync["rooms"]!["join"]![Room.RoomId]!["state"]!.ToJsonString(), Does.Contain(carol));
        var members = await Alice.GetAsync(
            $"rooms/{PeerRoom.Escape(Room.RoomId)}/members?at={sync["next_batch"]}");
        Assert.That(members.Is(200).Text, Does.Contain(carol));
    }

    [Test]
    public async Task State_that_came_late_is_not_in_a_timeline()
    {
        await PromoteAsync("bob");
        var since = await Alice.SyncTokenAsync();
        await SendAsync(Room.Says("bob", "shown"));
        Room.Makes("bob", "org.example.state", "", new() { ["body"] = "late" });
        await SendAsync(Room.Says("bob", "after"));
        await ScrollAsync(10);

        foreach (var token in (string?[])[since, null])
        {
            var timeline = (await Alice.SyncsAsync(token))["rooms"]!["join"]![Room.RoomId]!["timeline"]!;
            Assert.That(BodiesOf(timeline["events"]), Is.EqualTo(new[] { "after" }));
            Assert.That((bool?)timeline["limited"], Is.True);
            var page = await PageAsync($"dir=b&limit=2&from={timeline["prev_batch"]}");
            Assert.That(BodiesOf(page["chunk"]), Is.EqualTo(new[] { "late", "shown" }));
        }
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_redaction_that_came_before_its_event_does_not_hide_it_back_to_a_sync_token(bool isFilled)
    {
        var since = await Alice.SyncTokenAsync();
        Room.Says("bob", "0");
        var redacted = Room.Says("bob", "redacted");
        await StoreAsync(Room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = redacted.EventId }));
        var quiet = await QuietAsync(since);
        if (isFilled) Assert.That(await ScrollAsync(10), Has.Length.EqualTo(3));
        await SendAsync(Room.Says("bob", "after"));

        var timeline = await TimelineAsync(quiet);

        Assert.That(BodiesOf(timeline["events"]), Is.EqualTo(new[] { "after" }));
        string[] all = ["m.room.redaction", "m.room.message", "0"];
        var from = (string)timeline["prev_batch"]!;
        Assert.That(await BackAsync(from, quiet, limit: 1), Is.EqualTo(all));
        Assert.That(await BackAsync(from, quiet, limit: 10), Is.EqualTo(all), "from its database");
    }

    [TestCase("after", true)]
    [TestCase("after", false)]
    [TestCase(null, true)]
    [TestCase(null, false)]
    public async Task A_departure_that_came_in_a_fetched_state_is_told_as_state(string? shown, bool isFilled)
    {
        await PromoteAsync("bob");
        var dave = await Server.RegistersAsync("dave");
        await dave.JoinsAsync(Room.RoomId);
        var joined = await PageAsync("dir=b&limit=1");
        await TakeAsync((string)joined["chunk"]![0]!["event_id"]!);
        await SendAsync(Room.Says("bob", "shown"));
        var since = await dave.SyncTokenAsync();
        Room.Says("bob", "missed");
        Room.Makes("bob", "m.room.member", dave.UserId, new() { ["membership"] = "leave" });
        if (shown is null) await HideAsync(Room.Latest);
        else await SendAsync(Room.Says("bob", shown));
        if (isFilled) Assert.That((await ScrollAsync(10)), Does.Contain("missed"));

        var left = (await dave.SyncsAsync(since))["rooms"]!["leave"]![Room.RoomId]!;

        Assert.That((string?)left["state"]!["events"]![0]!["content"]!["membership"], Is.EqualTo("leave"));
        Assert.That(left["timeline"]!["events"]!.AsArray(), Is.Empty);
        Assert.That((bool?)left["timeline"]!["limited"], Is.True);
        var path = $"rooms/{PeerRoom.Escape(Room.RoomId)}/messages";
        var page = (await dave.GetAsync($"{path}?dir=b&limit=3&from={left["timeline"]!["prev_batch"]}")).Is(200).Json;
        Assert.That(BodiesOf(page["chunk"]), Is.EqualTo(new[] { "m.room.member", "missed", "shown" }));
    }

    [Test]
    public async Task A_page_that_a_slow_server_keeps_waiting_does_not_end()
    {
        await StartAgainAsync(("federation.history_wait", "100ms"));
        var slow = new TaskCompletionSource();
        var quiet = await MissAsync(2);
        await SendAsync(Room.Says("bob", "after"));
        var timeline = await TimelineAsync(quiet);
        Peer.Held = slow.Task;

        var page = await PageAsync($"dir=b&from={timeline["prev_batch"]}&to={quiet}");
        slow.SetResult();

        Assert.That(page["chunk"]!.AsArray(), Is.Empty);
        Assert.That(await BackAsync((string)page["end"]!, quiet, limit: 10), Is.EqualTo(new[] { "1", "0" }));
    }

    [Test]
    public async Task A_server_that_fetches_no_history_passes_over_gaps()
    {
        await StartAgainAsync(("limits.history_fetches", "0"));
        Room.Says("bob", "missed");
        await SendAsync(Room.Says("bob", "after"));

        Assert.That(await ScrollAsync(1), Is.EqualTo(new[] { "after", "before" }));
        Assert.That(await ScrollAsync(10), Is.EqualTo(new[] { "after", "before" }));
    }

    [Test]
    public async Task A_page_has_what_another_client_fetches_while_it_is_read()
    {
        var hold = await HoldGapsAsync();
        for (var n = 0; n < 3; n++) Room.Says("bob", $"{n}");
        await SendAsync(Room.Says("bob", "after"));
        hold(async () => Assert.That(await ScrollAsync(10), Is.EqualTo("after,2,1,0,before".Split(','))));

        var page = await PageAsync("dir=b&limit=5");

        Assert.That(BodiesOf(page["chunk"]), Is.EqualTo("after,2,1,0,before".Split(',')));
    }

    [Test]
    public async Task A_page_of_a_gap_alone_has_what_another_client_fetches_of_it_while_it_is_read()
    {
        var hold = await HoldGapsAsync();
        var since = await Alice.SyncTokenAsync();
        for (var n = 0; n < 5; n++) Room.Says("bob", $"{n}");
        await SendAsync(Room.Says("bob", "after"));
        var timeline = await TimelineAsync(since);
        var left = 1;
        (Peer.Backfills, Peer.MostBackfilled) = (_ => left-- > 0, 3);
        hold(async () => Assert.That(await ScrollAsync(10), Has.Length.EqualTo(5)));

        var page = await PageAsync($"dir=b&limit=5&from={timeline["prev_batch"]}&to={since}");

        Assert.That(BodiesOf(page["chunk"]), Is.EqualTo("4,3,2".Split(',')));
    }

    [Test]
    public async Task A_sync_tells_of_a_gap_that_another_client_fills_while_it_is_read()
    {
        var hold = await HoldGapsAsync();
        var since = await Alice.SyncTokenAsync();
        for (var n = 0; n < 3; n++) Room.Says("bob", $"{n}");
        await SendAsync(Room.Says("bob", "after"));
        hold(async () => Assert.That(await ScrollAsync(10), Has.Length.EqualTo(5)));

        var timeline = await TimelineAsync(since);

        Assert.That(BodiesOf(timeline["events"]), Is.EqualTo(new[] { "after" }));
        Assert.That((bool?)timeline["limited"], Is.True);
        Assert.That(
            await BackAsync((string)timeline["prev_batch"]!, since, limit: 10), Is.EqualTo("2,1,0".Split(',')));
    }

    /// <summary>Starts the server again. Returns what sets what the next read of gaps waits for.</summary>
    private async Task<Action<Func<Task>>> HoldGapsAsync()
    {
        Action<Func<Task>>? hold = null;
        await StartAgainAsync(services => services.AddSingleton(parts =>
        {
            (var table, hold) = HeldGaps.Of(parts.GetRequiredService<OpenedStorage>().Followers);
            return new TimelineGaps(parts.GetRequiredService<EventStore>(), table);
        }));
        return first => hold!(first);
    }

    /// <summary>
    /// Messages of the peer are missing, and clients are not shown the event that follows them. Returns the position of
    /// a client that has all.
    /// </summary>
    private async Task<string> MissAsync(int count)
    {
        var since = await Alice.SyncTokenAsync();
        for (var n = 0; n < count; n++) Room.Says("bob", $"{n}");
        await HideAsync(Room.Latest);
        return await QuietAsync(since);
    }

    /// <summary>The next position of a client that is told nothing of the room.</summary>
    private async Task<string> QuietAsync(string since)
    {
        var sync = await Alice.SyncsAsync(since);
        var timeline = sync["rooms"]?["join"]?[Room.RoomId]?["timeline"];
        Assert.That(timeline?["events"]?.AsArray() ?? [], Is.Empty);
        Assert.That((bool?)timeline?["limited"] ?? false, Is.False);
        return (string)sync["next_batch"]!;
    }

    private async Task<JsonNode> TimelineAsync(string since) =>
        (await Alice.SyncsAsync(since))["rooms"]!["join"]![Room.RoomId]!["timeline"]!;

    /// <summary>All pages back to a position, the newest first.</summary>
    private async Task<string[]> BackAsync(string from, string to, int limit)
    {
        var bodies = new List<string>();
        string? token = from;
        for (var pages = 0; token is not null && pages < 50; pages++)
        {
            var page = await PageAsync($"dir=b&limit={limit}&from={token}&to={to}");
            bodies.AddRange(BodiesOf(page["chunk"]));
            token = (string?)page["end"];
        }

        Assert.That(token, Is.Null, "the pages end");
        return [.. bodies];
    }

    private async Task<JsonNode> PageAsync(string query) =>
        (await Alice.GetAsync($"rooms/{PeerRoom.Escape(Room.RoomId)}/messages?{query}")).Is(200).Json;

    /// <summary>The texts of messages, and the types of other events and redacted ones.</summary>
    private static string[] BodiesOf(JsonNode? events) =>
        [.. events!.AsArray().Select(each => (string?)each!["content"]!["body"] ?? (string)each["type"]!)];
}
