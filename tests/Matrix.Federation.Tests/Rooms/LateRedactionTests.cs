using System.Text;
using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>
/// Redactions of events that get their place in the room later. Room versions, "Handling redactions".
/// </summary>
public sealed class LateRedactionTests
{
    private PeerServer _peer = null!;
    private InProcessServer _server = null!;
    private LocalUser _alice = null!;
    private PeerRoom _room = null!;
    private int _transactions;

    [SetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _peer.HasMissing = false;
        _server = await InProcessServer.StartAsync();
        _server.Knows(_peer.Peer);
        _alice = await LocalUser.RegisterAsync(_server, "alice");
        _room = await PeerRoom.JoinAsync(_server, _peer.Peer, await _alice.CreateRoomAsync("11"), "bob");
        _peer.Rooms[_room.RoomId] = _room;
        await SendAsync(_room.Say("bob", "before"));
    }

    [TearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [TestCase(false, TestName = "An_event_that_was_redacted_as_a_part_of_a_state_stays_redacted_as_history")]
    [TestCase(true, TestName = "An_event_that_was_redacted_as_a_part_of_a_state_stays_redacted_when_it_comes")]
    public async Task An_event_that_was_redacted_as_a_part_of_a_state_stays_redacted(bool comes)
    {
        const string Regretted = "a regretted name";
        var named = _room.Make(
            "bob",
            "m.room.member",
            _room.User("bob"),
            new JsonObject { ["membership"] = "join", ["displayname"] = Regretted });
        await SendAsync(_room.Say("bob", "after the gap"));
        Assert.That((await StoredAsync(named)).Nid.IsOutlier);
        var redaction = _room.Make("bob", "m.room.redaction", null, new() { ["redacts"] = named.EventId });
        await SendAsync(redaction);
        Assert.That((await StoredAsync(named)).RedactedBy.IsNone, Is.False);

        if (comes) await SendAsync(named);
        else await _alice.GetAsync($"rooms/{Escape(_room.RoomId)}/messages?dir=b&limit=20");

        var stored = await StoredAsync(named);
        Assert.That(stored.Nid.IsOutlier, Is.False);
        Assert.That(Encoding.UTF8.GetString(stored.Json.Span), Does.Not.Contain(Regretted));
        var shown = (await _alice.GetAsync(
            $"rooms/{Escape(_room.RoomId)}/event/{Escape(named.EventId)}")).Is(200).Json;
        Assert.That(shown["content"]!.AsObject().Select(each => each.Key), Is.EqualTo(new[] { "membership" }));
        Assert.That((string?)shown["unsigned"]!["redacted_because"]!["event_id"], Is.EqualTo(redaction.EventId));
        var page = (await _alice.GetAsync($"rooms/{Escape(_room.RoomId)}/messages?dir=b&limit=20")).Is(200);
        Assert.That(page.Text, Does.Contain(named.EventId).And.Not.Contain(Regretted));
        Assert.That((await _alice.GetAsync("sync")).Is(200).Text, Does.Not.Contain(Regretted));
    }

    [Test]
    public async Task An_event_that_comes_with_its_redaction_is_the_live_one_by_its_former_number_too()
    {
        var fork = _room.Latest;
        await SendAsync(_room.Say("bob", "deeper"));
        var named = _room.Make(
            "bob",
            "m.room.member",
            _room.User("bob"),
            new JsonObject { ["membership"] = "join", ["displayname"] = "a regretted name" });
        await SendAsync(_room.Say("bob", "after the gap"));
        var former = (await StoredAsync(named)).Nid;
        Assert.That(former.IsOutlier);

        // Less deep than what it redacts, so that it is decided first.
        _room.Latest = fork;
        var redaction = _room.Make("bob", "m.room.redaction", null, new() { ["redacts"] = named.EventId });
        await SendAsync(redaction, named);

        var room = (await Storage.Rooms.FindAsync(_room.RoomId, CancellationToken.None))!.Identity;
        var found = await _server.Services.GetRequiredService<EventStore>()
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
        Pdu[] more = [_room.Say("bob", "more1"), _room.Say("bob", "more2")];
        await SendAsync([first, .. more]);

        var timeline = await TimelineAsync(since, limit);

        Assert.That(Names(timeline["events"]!), Is.EqualTo(expected.Split(' ')));
        Assert.That((bool?)timeline["limited"] ?? false, Is.EqualTo(limited));
        var older = (await _alice.GetAsync(
            $"rooms/{Escape(_room.RoomId)}/messages?dir=b&limit=20&from={(string)timeline["prev_batch"]!}"))
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
    public async Task A_timeline_of_one_event_has_the_redaction_in_the_event()
    {
        var (since, first, redaction) = await RedactedBeforeItCameAsync();
        await SendAsync(first);

        var timeline = await TimelineAsync(since, 1);

        var shown = timeline["events"]!.AsArray().Single()!;
        Assert.That((string?)shown["event_id"], Is.EqualTo(first.EventId));
        Assert.That((string?)shown["unsigned"]!["redacted_because"]!["event_id"], Is.EqualTo(redaction.EventId));
        Assert.That((bool?)timeline["limited"], Is.True);
    }

    private IStorage Storage => _server.Services.GetRequiredService<IStorage>();

    /// <summary>A redaction came, and its event did not; alice has synced since.</summary>
    private async Task<(string Since, Pdu First, Pdu Redaction)> RedactedBeforeItCameAsync()
    {
        var first = _room.Say("bob", "a mistake");
        var redaction = _room.Make("bob", "m.room.redaction", null, new() { ["redacts"] = first.EventId });
        _peer.HasEvents = false;
        await SendAsync(redaction);
        _peer.HasEvents = true;
        return ((string)(await _alice.SyncAsync())["next_batch"]!, first, redaction);
    }

    private async Task<JsonObject> TimelineAsync(string since, int limit)
    {
        var timeline = new JsonObject { ["limit"] = limit };
        var filter = Escape(
            new JsonObject { ["room"] = new JsonObject { ["timeline"] = timeline } }.ToJsonString());
        var sync = (await _alice.GetAsync($"sync?since={since}&filter={filter}")).Is(200).Json;
        return sync["rooms"]!["join"]![_room.RoomId]!["timeline"]!.AsObject();
    }

    /// <summary>Sends events, and waits until the last one is stored with a place in the room.</summary>
    private async Task SendAsync(params Pdu[] pdus)
    {
        (await _room.SendAsync(_server, $"late{++_transactions}", pdus)).Is(200);
        for (var attempt = 0; attempt < 100; attempt++)
        {
            var found = await Storage.Events.FindAnywhereAsync(pdus[^1].EventId, 1, CancellationToken.None);
            if (found is [{ Nid.IsOutlier: false }]) return;
            await Task.Delay(100);
        }

        Assert.Fail(_server.Log);
    }

    private async Task<EventRow> StoredAsync(Pdu pdu) =>
        (await Storage.Events.FindAnywhereAsync(pdu.EventId, 1, CancellationToken.None)).Single();

    private static string Escape(string text) => PeerRoom.Escape(text);
}
