using System.Text;
using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Redactions of events that get their place in the room later. Room versions, "Handling redactions".
/// </summary>
public sealed class LateRedactionTests : HistoryGaps
{
    [TestCase(false, TestName = "An_event_that_was_redacted_as_a_part_of_a_state_stays_redacted_as_history")]
    [TestCase(true, TestName = "An_event_that_was_redacted_as_a_part_of_a_state_stays_redacted_when_it_comes")]
    public async Task An_event_that_was_redacted_as_a_part_of_a_state_stays_redacted(bool comes)
    {
        const string Regretted = "a regretted name";
        var named = Room.Makes(
            "bob",
            "m.room.member",
            Room.User("bob"),
            new JsonObject { ["membership"] = "join", ["displayname"] = Regretted });
        await PlaceAsync(Room.Says("bob", "after the gap"));
        Assert.That((await StoredAsync(named)).Nid.IsOutlier);
        var redaction = Room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = named.EventId });
        await PlaceAsync(redaction);
        Assert.That((await StoredAsync(named)).RedactedBy.IsNone, Is.False);

        if (comes) await PlaceAsync(named);
        else await Alice.GetAsync($"rooms/{Escape(Room.RoomId)}/messages?dir=b&limit=20");

        var stored = await StoredAsync(named);
        Assert.That(stored.Nid.IsOutlier, Is.False);
        Assert.That(Encoding.UTF8.GetString(stored.Json.Span), Does.Not.Contain(Regretted));
        var shown = (await Alice.GetAsync(
            $"rooms/{Escape(Room.RoomId)}/event/{Escape(named.EventId)}")).Is(200).Json;
        Assert.That(shown["content"]!.AsObject().Select(each => each.Key), Is.EqualTo(new[] { "membership" }));
        Assert.That((string?)shown["unsigned"]!["redacted_because"]!["event_id"], Is.EqualTo(redaction.EventId));
        var page = (await Alice.GetAsync($"rooms/{Escape(Room.RoomId)}/messages?dir=b&limit=20")).Is(200);
        Assert.That(page.Text, Does.Contain(named.EventId).And.Not.Contain(Regretted));
        Assert.That((await Alice.GetAsync("sync")).Is(200).Text, Does.Not.Contain(Regretted));
    }

    [Test]
    public async Task A_redaction_that_was_shown_is_not_shown_again_when_its_event_comes()
    {
        var named = Room.Makes(
            "bob",
            "m.room.member",
            Room.User("bob"),
            new JsonObject { ["membership"] = "join", ["displayname"] = "a regretted name" });
        await PlaceAsync(Room.Says("bob", "after the gap"));
        Assert.That((await StoredAsync(named)).Nid.IsOutlier);
        var redaction = Room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = named.EventId });
        await PlaceAsync(redaction);
        var shown = await Alice.SyncsAsync();
        Assert.That(shown.ToString(), Does.Contain($"\"event_id\":\"{redaction.EventId}\""));

        await PlaceAsync(named);

        var later = await Alice.SyncsAsync((string)shown["next_batch"]!);
        var events = later["rooms"]!["join"]![Room.RoomId]!["timeline"]!["events"]!.AsArray();
        Assert.That(events.Select(each => (string?)each!["event_id"]), Is.EqualTo(new[] { named.EventId }));
    }

    [Test]
    public async Task A_redaction_that_waited_is_told_once_when_its_event_has_a_place()
    {
        const string Regretted = "a regretted name";
        await PromoteAsync("carol");
        var carol = Room.Makes("carol", "m.room.member", Room.User("carol"), new() { ["membership"] = "join" });
        await PlaceAsync(carol);
        var named = Room.Makes(
            "bob",
            "m.room.member",
            Room.User("bob"),
            new JsonObject { ["membership"] = "join", ["displayname"] = Regretted });
        Room.Latest = [carol];
        var redaction = Room.Makes("carol", "m.room.redaction", null, new() { ["redacts"] = named.EventId });
        var before = await Alice.SyncsAsync();
        await PlaceAsync(redaction);
        var waits = (await StoredAsync(redaction)).Marks & EventMarks.WaitingRedaction;
        Assert.That(waits, Is.Not.EqualTo(EventMarks.None));

        // It comes as an auth event only: the room has no gap.
        var said = Room.Says("bob", "with a name");
        Assert.That(said.AuthEvents, Does.Contain(named.EventId));
        await PlaceAsync(said);
        var outlier = await StoredAsync(named);
        Assert.That(outlier.Nid.IsOutlier);
        Assert.That(Encoding.UTF8.GetString(outlier.Json.Span), Does.Not.Contain(Regretted));
        var between = await Alice.SyncsAsync(before.Next);
        await PlaceAsync(named);

        var stored = await StoredAsync(named);
        Assert.That(stored.Nid.IsOutlier, Is.False);
        Assert.That(Encoding.UTF8.GetString(stored.Json.Span), Does.Not.Contain(Regretted));
        var after = await Alice.SyncsAsync(between.Next);
        Assert.That(Timeline(between), Does.Contain(said.EventId).And.Not.Contain(redaction.EventId));
        Assert.That(Timeline(after).Count(each => each == redaction.EventId), Is.EqualTo(1));
        var page = (await Alice.GetAsync($"rooms/{Escape(Room.RoomId)}/messages?dir=b&limit=20")).Is(200).Text;
        Assert.That(page, Does.Contain(named.EventId).And.Contain(redaction.EventId));
        Assert.That($"{before}{between}{after}{page}", Does.Not.Contain(Regretted));

        IEnumerable<string> Timeline(SyncReply sync) =>
            sync["rooms"]?["join"]?[Room.RoomId]?["timeline"]?["events"]?.AsArray()
                .Select(each => (string)each!["event_id"]!) ?? [];
    }

    [Test]
    public async Task An_event_that_comes_with_its_redaction_is_the_live_one_by_its_former_number_too()
    {
        var fork = Room.Latest;
        await PlaceAsync(Room.Says("bob", "deeper"));
        var named = Room.Makes(
            "bob",
            "m.room.member",
            Room.User("bob"),
            new JsonObject { ["membership"] = "join", ["displayname"] = "a regretted name" });
        await PlaceAsync(Room.Says("bob", "after the gap"));
        var former = (await StoredAsync(named)).Nid;
        Assert.That(former.IsOutlier);

        // Less deep than what it redacts, so that it is decided first.
        Room.Latest = fork;
        var redaction = Room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = named.EventId });
        await PlaceAsync(redaction, named);

        var room = (await Storage.Rooms.FindAsync(Room.RoomId, CancellationToken.None))!.Identity;
        var found = await Server.Services.GetRequiredService<EventStore>()
            .GetAsync(room, former, CancellationToken.None);
        Assert.That(found!.IsRedacted);
        Assert.That(found.Nid, Is.EqualTo((await StoredAsync(named)).Nid));
    }

    [TestCase(4, "first redaction more1 more2", false)]
    [TestCase(3, "more1 more2", true)]
    [TestCase(2, "more1 more2", true)]
    public async Task A_redaction_that_follows_its_late_event_counts_as_an_event_of_the_timeline(
        int limit, string expected, bool limited)
    {
        var (since, first, redaction) = await RedactedBeforeItCameAsync();
        Pdu[] more = [Room.Says("bob", "more1"), Room.Says("bob", "more2")];
        await PlaceAsync([first, .. more]);

        var timeline = await TimelineAsync(since, limit);

        Assert.That(Names(timeline["events"]!), Is.EqualTo(expected.Split(' ')));
        Assert.That((bool?)timeline["limited"] ?? false, Is.EqualTo(limited));
        var older = (await Alice.GetAsync(
            $"rooms/{Escape(Room.RoomId)}/messages?dir=b&limit=20&from={(string)timeline["prev_batch"]!}"))
            .Is(200).Json["chunk"]!;
        Assert.That(Names(older).Contains("first"), Is.EqualTo(limited), "paging back begins there");

        string[] Names(JsonNode events) =>
        [
            .. events.AsArray().Select(each => (string)each!["event_id"]! switch
            {
                var id when id == first.EventId => "first",
                var id when id == redaction.EventId => "redaction",
                var id when id == more[0].EventId => "more1",
                var id when id == more[1].EventId => "more2",
                _ => "other",
            }),
        ];
    }

    [Test]
    public async Task A_client_gets_all_once_that_came_since_a_redaction_waited(
        [Values(1, 2, 3, 4, 5, 10)] int limit, [Values] bool another)
    {
        var (since, first, redaction) = await RedactedBeforeItCameAsync();
        var rest = new List<Pdu>();
        if (another)
        {
            rest.Add(Room.Says("bob", "after the redaction"));
            await PlaceAsync([.. rest]);
            since = (string)(await Alice.SyncsAsync())["next_batch"]!;
            rest.Clear();
        }

        for (var i = 0; i < 3; i++) rest.Add(Room.Says("bob", $"more{i}"));
        await PlaceAsync([.. rest]);
        await PlaceAsync(first);

        var timeline = await TimelineAsync(since, limit);

        string[] seen = [.. Ids(timeline["events"]!)];
        if ((bool?)timeline["limited"] == true)
        {
            var page = (await Alice.GetAsync($"rooms/{Escape(Room.RoomId)}/messages?dir=b&limit=20"
                + $"&from={(string)timeline["prev_batch"]!}&to={since}")).Is(200).Json;
            seen = [.. seen, .. Ids(page["chunk"]!)];
        }

        // An event brings its redaction along, too.
        Pdu[] expected = another && limit == 1 ? [first, .. rest] : [first, redaction, .. rest];
        Assert.That(seen, Is.EquivalentTo(expected.Select(each => each.EventId)));

        static IEnumerable<string> Ids(JsonNode events) =>
            events.AsArray().Select(each => (string)each!["event_id"]!);
    }

    /// <summary>
    /// The server does not know whether a client has paged over what a limited timeline left out before the event came,
    /// after it, or not yet: the sync that has the event has the redaction, too.
    /// </summary>
    [TestCase(true)]
    [TestCase(false)]
    public async Task What_redacts_an_event_comes_with_it_whether_or_not_a_page_had_it(bool pagesAfterwards)
    {
        var before = (string)(await Alice.SyncsAsync())["next_batch"]!;
        var (_, first, redaction) = await RedactedBeforeItCameAsync();
        await PlaceAsync(Room.Says("bob", "more1"), Room.Says("bob", "more2"));
        var limited = await TimelineAsync(before, 2);
        var next = (string)(await Alice.SyncsAsync())["next_batch"]!;

        // The event comes by a transaction, not as history for a page.
        Peer.Backfills = static _ => false;
        var left = pagesAfterwards ? "" : await LeftOutAsync();
        await PlaceAsync(first);
        if (pagesAfterwards) left = await LeftOutAsync();

        Assert.That((bool?)limited["limited"], Is.True);
        Assert.That(left.Contains(redaction.EventId), Is.EqualTo(pagesAfterwards));
        Assert.That(
            (await TimelineAsync(next, 10))["events"]!.AsArray().Select(each => (string)each!["event_id"]!),
            Is.EqualTo(new[] { first.EventId, redaction.EventId }));

        async Task<string> LeftOutAsync() => (await Alice.GetAsync(
            $"rooms/{Escape(Room.RoomId)}/messages?dir=b&limit=20"
            + $"&from={(string)limited["prev_batch"]!}&to={before}")).Is(200).Text;
    }

    [Test]
    public async Task A_refused_redaction_does_not_apply_to_an_event_that_comes_with_it()
    {
        await PromoteAsync("carol");
        await BanCarolAsync();
        var fork = Room.Latest;
        var waiting = Room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = "$" + new string('x', 43) });
        var said = Room.Says("bob", "kept");
        Room.Latest = fork;
        var refused = Room.Makes("carol", "m.room.redaction", null, new() { ["redacts"] = said.EventId });

        await PlaceAsync(waiting, refused, said);

        Assert.That((await StoredAsync(refused)).Marks & EventMarks.SoftFailed, Is.EqualTo(EventMarks.SoftFailed));
        Assert.That((await StoredAsync(said)).RedactedBy.IsNone);
    }

    [Test]
    public async Task A_redaction_that_waited_is_shown_though_it_is_redacted_when_its_event_comes()
    {
        await PromoteAsync("bob");
        var fork = Room.Latest;
        var redacted = Room.Says("bob", "redacted");
        Room.Latest = fork;
        var waiting = Room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = redacted.EventId });
        await PlaceAsync(waiting);
        Room.Latest = [redacted, waiting];
        var second = Room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = waiting.EventId });

        await PlaceAsync(redacted, second);

        var shown = await Alice.GetAsync($"rooms/{Escape(Room.RoomId)}/event/{Escape(waiting.EventId)}");
        Assert.That((string?)shown.Is(200).Json["unsigned"]!["redacted_because"]!["event_id"],
            Is.EqualTo(second.EventId));
    }

    [Test]
    public async Task A_timeline_of_one_event_has_the_redaction_in_the_event()
    {
        var (since, first, redaction) = await RedactedBeforeItCameAsync();
        await PlaceAsync(first);

        var timeline = await TimelineAsync(since, 1);

        var shown = timeline["events"]!.AsArray().Single()!;
        Assert.That((string?)shown["event_id"], Is.EqualTo(first.EventId));
        Assert.That((string?)shown["unsigned"]!["redacted_because"]!["event_id"], Is.EqualTo(redaction.EventId));
        Assert.That((bool?)timeline["limited"], Is.True);
    }

    /// <summary>A redaction came, and its event did not; alice has synced since.</summary>
    private async Task<(string Since, Pdu First, Pdu Redaction)> RedactedBeforeItCameAsync()
    {
        var first = Room.Says("bob", "a mistake");
        var redaction = Room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = first.EventId });
        Peer.HasEvents = false;
        await PlaceAsync(redaction);
        Peer.HasEvents = true;
        return ((string)(await Alice.SyncsAsync())["next_batch"]!, first, redaction);
    }

    private async Task<JsonObject> TimelineAsync(string since, int limit)
    {
        var timeline = new JsonObject { ["limit"] = limit };
        var filter = Escape(
            new JsonObject { ["room"] = new JsonObject { ["timeline"] = timeline } }.ToJsonString());
        var sync = (await Alice.GetAsync($"sync?since={since}&filter={filter}")).Is(200).Json;
        return sync["rooms"]!["join"]![Room.RoomId]!["timeline"]!.AsObject();
    }

    /// <summary>Sends events, and waits until the last one is stored with a place in the room.</summary>
    private async Task PlaceAsync(params Pdu[] pdus)
    {
        (await Room.SendAsync(Server, $"late{Guid.NewGuid():N}", pdus)).Is(200);
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var found = await Storage.Events.FindAnywhereAsync(pdus[^1].EventId, 1, CancellationToken.None);
            if (found is [{ Nid.IsOutlier: false }]) return;
            await Task.Delay(100);
        }

        Assert.Fail(Server.Log);
    }

    private async Task<EventRow> StoredAsync(Pdu pdu) =>
        (await Storage.Events.FindAnywhereAsync(pdu.EventId, 1, CancellationToken.None)).Single();

    private static string Escape(string text) => PeerRoom.Escape(text);
}
