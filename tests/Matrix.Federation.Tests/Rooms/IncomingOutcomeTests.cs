using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>Events that another server sends: decided, fetched where they are missing, and never lost.</summary>
public sealed class IncomingOutcomeTests : IncomingEventsTests
{
    [Test]
    public async Task Missing_events_are_fetched_from_the_sender_and_come_in_order()
    {
        var room = await JoinedAsync();
        var said = Enumerable.Range(1, 15).Select(n => room.Says("bob", $"{n}")).ToArray();

        await SendAsync(room, said[^1]);

        await EventuallyAsync(room, [.. Enumerable.Range(1, 15).Select(n => $"{n}")]);
    }

    [Test]
    public async Task Where_the_gap_stays_the_state_is_fetched_and_later_events_are_shown()
    {
        var room = await JoinedAsync();
        Peer.HasMissing = false;
        room.Makes(
            "bob", "m.room.member", room.User("bob"), new() { ["membership"] = "join", ["displayname"] = "Bob" });
        var unseen = room.Says("bob", "not fetched");
        var seen = room.Says("bob", "after the gap");

        await SendAsync(room, seen);

        await EventuallyAsync(room, ["after the gap"]);
        Assert.That(Peer.Requests.Any(target => target.Contains("/state_ids/", StringComparison.Ordinal)));
        var member = await Alice.GetAsync(
            $"rooms/{Escape(room.RoomId)}/state/m.room.member/{Escape(room.User("bob"))}");
        Assert.That((string?)member.Is(200).Json["displayname"], Is.EqualTo("Bob"));

        // The event of the gap comes late: it is no new extremity, and is shown once.
        await SendAsync(room, unseen);
        await EventuallyAsync(room, bodies => bodies[^1] == "not fetched");
        var last = room.Says("bob", "the end");
        await SendAsync(room, last);
        await EventuallyAsync(room, body => body[^1] == "the end");
    }

    [Test]
    public async Task Branches_are_resolved()
    {
        var room = await JoinedAsync();
        var fork = room.Latest;
        var left = room.Makes("bob", "m.room.message", null, Text("left"));
        room.Latest = fork;
        var right = room.Makes("bob", "m.room.message", null, Text("right"));
        await SendAsync(room, left);
        await SendAsync(room, right);
        await Alice.SaysAsync(room.RoomId, "merged");

        Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "left", "right", "merged" }));
        var events = await Alice.TimelineAsync(room.RoomId);
        var stored = await StoredAsync(room, (string)events[^1]["event_id"]!);
        Assert.That(stored.Pdu.PrevEvents, Is.EquivalentTo(new[] { left.EventId, right.EventId }));
    }

    [Test]
    public async Task A_user_who_left_still_sees_what_came_on_a_branch_while_they_were_joined()
    {
        var room = await JoinedAsync();
        var carol = await Server.RegistersAsync("carol");
        await carol.JoinsAsync(room.RoomId);

        // Its server does not know of the join yet.
        await SendAsync(room, room.Says("bob", "beside the join"));
        Assert.That(await BodiesOfAsync(carol), Is.EqualTo(new[] { "beside the join" }));
        await carol.LeavesAsync(room.RoomId);

        Assert.That(await BodiesOfAsync(carol), Is.EqualTo(new[] { "beside the join" }));

        async Task<string[]> BodiesOfAsync(TestUser user)
        {
            var page = (await user.GetAsync($"rooms/{Escape(room.RoomId)}/messages?dir=b&limit=50")).Is(200).Json;
            return [.. page["chunk"]!.AsArray()
                .Where(each => (string?)each!["type"] == "m.room.message")
                .Select(each => (string)each!["content"]!["body"]!)];
        }
    }

    [Test]
    public async Task A_change_on_a_branch_changes_the_current_state()
    {
        var room = await JoinedAsync(powerful: true);
        var fork = room.Latest;
        var topic = room.Makes("bob", "m.room.topic", "", new() { ["topic"] = "on the branch" });
        await Alice.SaysAsync(room.RoomId, "meanwhile");
        await SendAsync(room, topic);

        var state = await Alice.GetAsync($"rooms/{Escape(room.RoomId)}/state/m.room.topic/");
        Assert.That((string?)state.Is(200).Json["topic"], Is.EqualTo("on the branch"));

        // The state before a second change of the branch is served as it was there.
        room.Latest = [topic];
        var second = room.Makes("bob", "m.room.topic", "", new() { ["topic"] = "again" });
        room.Latest = fork;
        await SendAsync(room, second);
        var before = (await Peer.Peer.SendAsync(
            Server,
            "GET",
            $"/_matrix/federation/v1/state_ids/{Escape(room.RoomId)}?event_id={Escape(topic.EventId)}")).Is(200).Json;
        Assert.That(
            before["pdu_ids"]!.AsArray().Select(id => (string)id!),
            Is.EquivalentTo(room.StateBefore(topic.EventId).Select(pdu => pdu.EventId)));
    }

    [Test]
    public async Task The_state_before_an_event_is_served_though_it_changed_the_room_in_another_way()
    {
        // The ban on one branch takes the banned user's topic out of the current state, because the other branch has
        // an older topic. The state before the ban has the topic nevertheless.
        var room = await JoinedAsync(powerful: true, others: "carol");
        _ = await PutTopicAsync(room, "first");
        var carol = room.Makes("carol", "m.room.member", room.User("carol"), new() { ["membership"] = "join" });
        await SendAsync(room, carol);
        var topic = room.Makes("bob", "m.room.topic", "", new() { ["topic"] = "second" });
        await Alice.SaysAsync(room.RoomId, "another branch");
        await SendAsync(room, topic);
        var ban = room.Makes("carol", "m.room.member", room.User("bob"), new() { ["membership"] = "ban" });
        await SendAsync(room, ban);

        var current = await Alice.GetAsync($"rooms/{Escape(room.RoomId)}/state/m.room.topic/");
        Assert.That((string?)current.Is(200).Json["topic"], Is.EqualTo("first"));
        var before = (await Peer.Peer.SendAsync(
            Server,
            "GET",
            $"/_matrix/federation/v1/state_ids/{Escape(room.RoomId)}?event_id={Escape(ban.EventId)}")).Is(200).Json;
        Assert.That(
            before["pdu_ids"]!.AsArray().Select(id => (string)id!),
            Is.EquivalentTo(room.StateBefore(ban.EventId).Select(pdu => pdu.EventId)));
    }

    [Test]
    public async Task An_event_that_the_rules_forbid_is_stored_as_rejected_and_hidden()
    {
        var room = await JoinedAsync();
        var topic = room.Makes("bob", "m.room.topic", "", new() { ["topic"] = "not allowed" });

        await SendAsync(room, topic);

        var stored = await StoredAsync(room, topic.EventId);
        Assert.That(stored.Row.Marks.HasFlag(EventMarks.Rejected));
        var refusal = await Storage.Events.RefusalAsync(stored.Nid, CancellationToken.None);
        Assert.That(refusal!.Clause, Is.Not.Empty);
        Assert.That(refusal.Reason, Does.Contain("50"));
        (await Alice.GetAsync($"rooms/{Escape(room.RoomId)}/event/{Escape(topic.EventId)}")).Is(404, "M_NOT_FOUND");
        (await Alice.GetAsync($"rooms/{Escape(room.RoomId)}/state/m.room.topic/")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task An_event_of_a_fetched_state_that_is_rejected_later_is_not_named_by_local_events()
    {
        var room = await JoinedAsync(powerful: true, others: "carol");
        var bob = room.State[("m.room.member", room.User("bob"))];
        var carol = room.Makes("carol", "m.room.member", room.User("carol"), new() { ["membership"] = "join" });
        await SendAsync(room, carol);

        // Carol bans Bob; Bob, who is banned, changes the join rules.
        var draft = room.Makes("bob", "m.room.join_rules", "", new() { ["join_rule"] = "public" });
        room.Latest = [carol];
        var ban = room.Makes("carol", "m.room.member", room.User("bob"), new() { ["membership"] = "ban" });
        var json = PeerRoom.Json(draft);
        json["prev_events"] = new JsonArray(ban.EventId);
        json.Remove("hashes");
        json.Remove("signatures");
        var rules = room.Completes(json);

        // Bob gets as much power as Carol. A state that the peer made up has Bob and his join rules.
        var levels = (await Alice.GetAsync($"rooms/{Escape(room.RoomId)}/state/m.room.power_levels/")).Is(200).Json;
        levels["users"]![room.User("bob")] = 100;
        var raised = await StoredAsync(room, await Alice.SetsAsync(room.RoomId, "m.room.power_levels", levels));
        room.Takes(bob);
        room.Takes(rules);
        room.Takes(raised.Pdu);
        Peer.HasMissing = false;
        room.Latest = [room.Says("carol", "not fetched"), raised.Pdu];
        await SendAsync(room, room.Says("carol", "after the gap"));
        await EventuallyAsync(room, ["after the gap"]);
        Assert.That((await StoredAsync(room, rules.EventId)).Row.Marks.HasFlag(EventMarks.Outlier));

        await SendAsync(room, ban);
        Assert.That((await StoredAsync(room, ban.EventId)).Row.Marks.HasFlag(EventMarks.SoftFailed));
        await SendAsync(room, rules);
        Assert.That((await StoredAsync(room, rules.EventId)).Row.Marks.HasFlag(EventMarks.Rejected));

        // A join names the join rules, if it may.
        var joined = await Alice.SetsAsync(
            room.RoomId, "m.room.member", new() { ["membership"] = "join", ["displayname"] = "Al" }, Alice.UserId);
        var stored = await StoredAsync(room, joined);
        Assert.That(
            stored.Pdu.AuthEvents.Select(id => room.Events[id].Type),
            Is.EquivalentTo(new[] { "m.room.create", "m.room.power_levels", "m.room.member" }));
    }

    [Test]
    public async Task An_event_of_a_banned_user_on_an_old_branch_is_soft_failed()
    {
        var room = await JoinedAsync();
        await Alice.BansAsync(room.RoomId, room.User("bob"));
        var late = room.Says("bob", "from before the ban");

        await SendAsync(room, late);

        Assert.That((await StoredAsync(room, late.EventId)).Row.Marks.HasFlag(EventMarks.SoftFailed));
        Assert.That(await BodiesAsync(room), Is.Empty);
    }

    [Test]
    public async Task A_redaction_that_comes_before_its_event_is_sent_with_it()
    {
        var room = await JoinedAsync();
        var first = room.Says("bob", "a mistake");
        var redaction = room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = first.EventId });
        Peer.HasMissing = false;
        Peer.HasEvents = false;
        await SendAsync(room, redaction);
        await EventuallyAsync(room, async () =>
            (await Storage.Events.FindAnywhereAsync(redaction.EventId, 1, CancellationToken.None)).Count > 0);
        var since = (string)(await Alice.SyncsAsync())["next_batch"]!;
        (Peer.HasMissing, Peer.HasEvents) = (true, true);

        await SendAsync(room, first);

        var sync = await Alice.SyncsAsync(since);
        var timeline = sync["rooms"]!["join"]![room.RoomId]!["timeline"]!["events"]!.AsArray();
        Assert.That(
            timeline.Select(each => (string?)each!["event_id"]),
            Is.EqualTo(new[] { first.EventId, redaction.EventId }));
        var next = await Alice.SyncsAsync((string)sync["next_batch"]!);
        Assert.That(next["rooms"]?["join"]?[room.RoomId], Is.Null, "it is sent once");
    }

    [Test]
    public async Task A_redaction_that_comes_before_its_event_is_applied()
    {
        var room = await JoinedAsync();
        var said = room.Says("bob", "a mistake");
        var redaction = room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = said.EventId });
        Peer.Answers = false;
        await SendAsync(room, redaction);
        Peer.Answers = true;

        await SendAsync(room, said, redaction);

        await EventuallyAsync(room, async () =>
            (await Alice.TimelineAsync(room.RoomId)).Any(each =>
                (string?)each["event_id"] == said.EventId && each["content"]!.AsObject().Count == 0));
    }

    [Test]
    public async Task A_redaction_in_the_transaction_of_its_event_is_applied()
    {
        var room = await JoinedAsync();
        var fork = room.Latest;
        var said = room.Says("bob", "a mistake");
        room.Latest = fork;
        var redaction = room.Makes("bob", "m.room.redaction", null, new() { ["redacts"] = said.EventId });

        await SendAsync(room, redaction, said);

        await EventuallyAsync(room, [""]);
    }

    /// <summary>A local user changes the topic, and the peer gets the event.</summary>
    private async Task<Pdu> PutTopicAsync(PeerRoom room, string topic)
    {
        var put = await Alice.PutAsync(
            $"rooms/{Escape(room.RoomId)}/state/m.room.topic/", new JsonObject { ["topic"] = topic });
        var eventId = (string)put.Is(200).Json["event_id"]!;
        var served = await Peer.Peer.SendAsync(
            Server, "GET", $"/_matrix/federation/v1/event/{Escape(eventId)}");
        var pdu = room.Knows(served.Is(200).Json["pdus"]![0]!.AsObject());
        room.Takes(pdu);
        return pdu;
    }
}
