using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Matrix.Core.Event;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Metrics;
using Matrix.Host.Sodium;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.Rooms;

/// <summary>Events that another server sends: decided, fetched where they are missing, and never lost.</summary>
public sealed class IncomingEventsTests
{
    private PeerServer _peer = null!;
    private InProcessServer _server = null!;
    private LocalUser _alice = null!;
    private int _transactions;

    [OneTimeSetUp]
    public async Task SetUpAsync()
    {
        _peer = await PeerServer.StartAsync();
        _server = await InProcessServer.StartAsync();
        _server.Knows(_peer.Peer);
        _alice = await LocalUser.RegisterAsync(_server, "alice");
    }

    [SetUp]
    public void SetUp() => (_peer.Answers, _peer.HasMissing) = (true, true);

    [OneTimeTearDown]
    public async Task TearDownAsync()
    {
        await _server.DisposeAsync();
        await _peer.DisposeAsync();
    }

    [Test]
    public async Task A_repeated_transaction_gets_the_same_response_and_shows_its_events_once()
    {
        var room = await JoinedAsync();
        var hello = room.Say("bob", "hello");

        var first = await room.SendAsync(_server, "again", hello);
        var second = await room.SendAsync(_server, "again", hello);
        var third = await room.SendAsync(_server, "another", hello);

        Assert.That(second.Is(200).Text, Is.EqualTo(first.Is(200).Text));
        Assert.That(third.Is(200).Text, Is.EqualTo(first.Text));
        Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "hello" }));
    }

    [TestCase("1")]
    [TestCase("11")]
    public async Task An_event_that_cannot_be_read_has_an_entry_with_an_error(string version)
    {
        var room = await JoinedAsync(version);
        var malformed = PeerRoom.Json(room.Say("bob", "one"));
        malformed["depth"] = "deep";
        var id = version == "1" ? (string)malformed["event_id"]! : ReferenceHash(malformed);
        var nothing = new JsonObject { ["room_id"] = room.RoomId };

        var reply = await room.Peer.SendAsync(
            _server,
            "PUT",
            $"/_matrix/federation/v1/send/malformed{version}",
            room.Transaction([malformed, nothing]));

        var entries = reply.Is(200).Json["pdus"]!.AsObject();
        Assert.That((string?)entries[id]?["error"], Does.Contain("depth"));
        Assert.That(entries, Has.Count.EqualTo(version == "1" ? 1 : 2), "without an id there is no entry");
    }

    /// <summary>The id of a message. Server-Server API, "Calculating the reference hash for an event".</summary>
    private static string ReferenceHash(JsonObject message)
    {
        var redacted = message.DeepClone().AsObject();
        redacted.Remove("signatures");
        redacted["content"] = new JsonObject();
        return "$" + Base64Text.EncodeUrlSafe(SHA256.HashData(Peer.Canonical(redacted)));
    }

    [Test]
    public async Task Missing_events_are_fetched_from_the_sender_and_come_in_order()
    {
        var room = await JoinedAsync();
        var said = Enumerable.Range(1, 15).Select(n => room.Say("bob", $"{n}")).ToArray();

        await SendAsync(room, said[^1]);

        await EventuallyAsync(room, [.. Enumerable.Range(1, 15).Select(n => $"{n}")]);
    }

    [Test]
    public async Task Where_the_gap_stays_the_state_is_fetched_and_later_events_are_shown()
    {
        var room = await JoinedAsync();
        _peer.HasMissing = false;
        room.Make("bob", "m.room.member", room.User("bob"), new() { ["membership"] = "join", ["displayname"] = "Bob" });
        var unseen = room.Say("bob", "not fetched");
        var seen = room.Say("bob", "after the gap");

        await SendAsync(room, seen);

        await EventuallyAsync(room, ["after the gap"]);
        Assert.That(_peer.Requests.Any(target => target.Contains("/state_ids/", StringComparison.Ordinal)));
        var member = await _alice.GetAsync(
            $"rooms/{Escape(room.RoomId)}/state/m.room.member/{Escape(room.User("bob"))}");
        Assert.That((string?)member.Is(200).Json["displayname"], Is.EqualTo("Bob"));

        // The event of the gap comes late: it is no new extremity, and is shown once.
        await SendAsync(room, unseen);
        var last = room.Say("bob", "the end");
        await SendAsync(room, last);
        await EventuallyAsync(room, body => body[^1] == "the end");
    }

    [Test]
    public async Task Branches_are_resolved()
    {
        var room = await JoinedAsync();
        var fork = room.Latest;
        var left = room.Make("bob", "m.room.message", null, Text("left"));
        room.Latest = fork;
        var right = room.Make("bob", "m.room.message", null, Text("right"));
        await SendAsync(room, left);
        await SendAsync(room, right);
        await _alice.SayAsync(room.RoomId, "merged");

        Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "left", "right", "merged" }));
        var events = await _alice.TimelineAsync(room.RoomId);
        var stored = await StoredAsync(room, (string)events[^1]["event_id"]!);
        Assert.That(stored.Pdu.PrevEvents, Is.EquivalentTo(new[] { left.EventId, right.EventId }));
    }

    [Test]
    public async Task A_user_who_left_still_sees_what_came_on_a_branch_while_they_were_joined()
    {
        var room = await JoinedAsync();
        var carol = await LocalUser.RegisterAsync(_server, $"carol{_transactions}");
        (await carol.PostAsync($"join/{Escape(room.RoomId)}", [])).Is(200);

        // Its server does not know of the join yet.
        await SendAsync(room, room.Say("bob", "beside the join"));
        Assert.That(await BodiesOfAsync(carol), Is.EqualTo(new[] { "beside the join" }));
        (await carol.PostAsync($"rooms/{Escape(room.RoomId)}/leave", [])).Is(200);

        Assert.That(await BodiesOfAsync(carol), Is.EqualTo(new[] { "beside the join" }));

        async Task<string[]> BodiesOfAsync(LocalUser user)
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
        var topic = room.Make("bob", "m.room.topic", "", new() { ["topic"] = "on the branch" });
        await _alice.SayAsync(room.RoomId, "meanwhile");
        await SendAsync(room, topic);

        var state = await _alice.GetAsync($"rooms/{Escape(room.RoomId)}/state/m.room.topic/");
        Assert.That((string?)state.Is(200).Json["topic"], Is.EqualTo("on the branch"));

        // The state before a second change of the branch is served as it was there.
        room.Latest = [topic];
        var second = room.Make("bob", "m.room.topic", "", new() { ["topic"] = "again" });
        room.Latest = fork;
        await SendAsync(room, second);
        var before = (await _peer.Peer.SendAsync(
            _server,
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
        var carol = room.Make("carol", "m.room.member", room.User("carol"), new() { ["membership"] = "join" });
        await SendAsync(room, carol);
        var topic = room.Make("bob", "m.room.topic", "", new() { ["topic"] = "second" });
        await _alice.SayAsync(room.RoomId, "another branch");
        await SendAsync(room, topic);
        var ban = room.Make("carol", "m.room.member", room.User("bob"), new() { ["membership"] = "ban" });
        await SendAsync(room, ban);

        var current = await _alice.GetAsync($"rooms/{Escape(room.RoomId)}/state/m.room.topic/");
        Assert.That((string?)current.Is(200).Json["topic"], Is.EqualTo("first"));
        var before = (await _peer.Peer.SendAsync(
            _server,
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
        var topic = room.Make("bob", "m.room.topic", "", new() { ["topic"] = "not allowed" });

        await SendAsync(room, topic);

        var stored = await StoredAsync(room, topic.EventId);
        Assert.That(stored.Row.Marks.HasFlag(EventMarks.Rejected));
        var refusal = await Storage.Events.RefusalAsync(stored.Nid, CancellationToken.None);
        Assert.That(refusal!.Clause, Is.Not.Empty);
        Assert.That(refusal.Reason, Does.Contain("50"));
        (await _alice.GetAsync($"rooms/{Escape(room.RoomId)}/event/{Escape(topic.EventId)}")).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync($"rooms/{Escape(room.RoomId)}/state/m.room.topic/")).Is(404, "M_NOT_FOUND");
    }

    [TestCase("accepted")]
    [TestCase("rejected")]
    public async Task Events_are_counted_by_outcome(string outcome)
    {
        var room = await JoinedAsync();
        var before = Counted(outcome);

        await SendAsync(room, outcome == "accepted"
            ? room.Say("bob", "counted")
            : room.Make("bob", "m.room.topic", "", new() { ["topic"] = "without the power" }));

        Assert.That(Counted(outcome), Is.EqualTo(before + 1));
    }

    private int Counted(string outcome)
    {
        var page = _server.Services.GetRequiredService<MetricsPage>().Write();
        // Each server of the process has its own line.
        return Regex.Matches(page, $@"(?m)^matrix_federation_received_pdus_total\{{outcome=""{outcome}""\}} (\d+)")
            .Sum(line => int.Parse(line.Groups[1].Value, CultureInfo.InvariantCulture));
    }

    [Test]
    public async Task An_event_of_a_banned_user_on_an_old_branch_is_soft_failed()
    {
        var room = await JoinedAsync();
        (await _alice.PostAsync(
            $"rooms/{Escape(room.RoomId)}/ban", new() { ["user_id"] = room.User("bob") })).Is(200);
        var late = room.Say("bob", "from before the ban");

        await SendAsync(room, late);

        Assert.That((await StoredAsync(room, late.EventId)).Row.Marks.HasFlag(EventMarks.SoftFailed));
        Assert.That(await BodiesAsync(room), Is.Empty);
    }

    [Test]
    public async Task A_redaction_that_comes_before_its_event_is_sent_with_it()
    {
        var room = await JoinedAsync();
        var first = room.Say("bob", "a mistake");
        var redaction = room.Make("bob", "m.room.redaction", null, new() { ["redacts"] = first.EventId });
        _peer.HasMissing = false;
        _peer.HasEvents = false;
        await SendAsync(room, redaction);
        await EventuallyAsync(room, async () =>
            (await Storage.Events.FindAnywhereAsync(redaction.EventId, 1, CancellationToken.None)).Count > 0);
        var since = (string)(await _alice.SyncAsync())["next_batch"]!;
        (_peer.HasMissing, _peer.HasEvents) = (true, true);

        await SendAsync(room, first);

        var sync = await _alice.SyncAsync(since);
        var timeline = sync["rooms"]!["join"]![room.RoomId]!["timeline"]!["events"]!.AsArray();
        Assert.That(
            timeline.Select(each => (string?)each!["event_id"]),
            Is.EqualTo(new[] { first.EventId, redaction.EventId }));
        var next = await _alice.SyncAsync((string)sync["next_batch"]!);
        Assert.That(next["rooms"]?["join"]?[room.RoomId], Is.Null, "it is sent once");
    }

    [Test]
    public async Task A_redaction_that_comes_before_its_event_is_applied()
    {
        var room = await JoinedAsync();
        var said = room.Say("bob", "a mistake");
        var redaction = room.Make("bob", "m.room.redaction", null, new() { ["redacts"] = said.EventId });
        _peer.Answers = false;
        await SendAsync(room, redaction);
        _peer.Answers = true;

        await SendAsync(room, said, redaction);

        await EventuallyAsync(room, async () =>
            (await _alice.TimelineAsync(room.RoomId)).Any(each =>
                (string?)each["event_id"] == said.EventId && each["content"]!.AsObject().Count == 0));
    }

    [TestCase("signature")]
    [TestCase("hash")]
    [TestCase("format")]
    public async Task Only_genuine_events_are_taken(string wrong)
    {
        var room = await JoinedAsync();
        var said = room.Say("bob", "genuine");
        var json = PeerRoom.Json(said);
        if (wrong == "signature")
        {
            var forged = Convert.ToBase64String(new byte[64]).TrimEnd('=');
            json["signatures"]![_peer.Peer.Name]![_peer.Peer.Current.Key.Id] = forged;
        }
        else if (wrong == "hash") json["content"]!["body"] = "changed on the way";
        else json["depth"] = "five";

        var reply = await _peer.Peer.SendAsync(
            _server, "PUT", "/_matrix/federation/v1/send/" + Next(), room.Transaction([json]));

        reply.Is(200);
        if (wrong != "hash") Assert.That(await BodiesAsync(room), Is.Empty);
        else
        {
            // Its own server sent it so: the redacted form is what everybody can agree on.
            Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "" }));
        }
    }

    [Test]
    public async Task Events_of_unknown_rooms_and_of_rooms_without_a_local_user_get_an_error()
    {
        var unknown = new PeerRoom(_peer.Peer, "10", "!nowhere:example.org").Say("bob", "hello");
        var room = await JoinedAsync();
        (await _alice.PostAsync($"rooms/{Escape(room.RoomId)}/leave", [])).Is(200);
        var left = room.Say("bob", "hello");

        var reply = (await room.SendAsync(_server, Next(), unknown, left)).Is(200).Json["pdus"]!;

        Assert.That((string?)reply[left.EventId]!["error"], Is.Not.Empty);
    }

    [TestCase("\0")]
    [TestCase("\ud800")]
    [TestCase("\u0010d800")]
    public async Task Text_that_a_database_cannot_hold_does_no_harm(string text)
    {
        // Lone surrogates are valid JSON escapes, so the text of the event is written by hand.
        var room = await JoinedAsync(version: "5", powerful: true);
        var odd = room.Make("bob", "org.example.odd" + text, "key" + text, new()
        {
            ["body"] = text,
            ["m.relates_to"] = new JsonObject
            {
                ["rel_type"] = "m.thread" + text,
                ["event_id"] = "$x" + text,
                ["key"] = text,
            },
        });
        var said = room.Say("bob", "after it");

        await SendAsync(room, odd, said);

        Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "after it" }));
        Assert.That((await StoredAsync(room, odd.EventId)).Pdu.StateKey, Is.EqualTo("key" + text));
        var again = room.Say("bob", "and after that");
        await SendAsync(room, again);
        Assert.That((await BodiesAsync(room))[^1], Is.EqualTo("and after that"));
    }

    [Test]
    public async Task Relations_and_redactions_that_name_more_than_an_id_do_no_harm()
    {
        var room = await JoinedAsync();
        var tooLong = "$" + new string('x', 400);
        var related = room.Make("bob", "m.room.message", null, new()
        {
            ["msgtype"] = "m.text",
            ["body"] = "related",
            ["m.relates_to"] = new JsonObject { ["rel_type"] = "m.thread", ["event_id"] = tooLong },
        });
        var redaction = room.Make("bob", "m.room.redaction", null, new() { ["redacts"] = tooLong });
        var said = room.Say("bob", "after it");

        await SendAsync(room, related, redaction, said);

        Assert.That(await BodiesAsync(room), Is.EqualTo(new[] { "related", "after it" }));
    }

    [Test]
    public async Task A_redaction_in_the_transaction_of_its_event_is_applied()
    {
        var room = await JoinedAsync();
        var fork = room.Latest;
        var said = room.Say("bob", "a mistake");
        room.Latest = fork;
        var redaction = room.Make("bob", "m.room.redaction", null, new() { ["redacts"] = said.EventId });

        await SendAsync(room, redaction, said);

        await EventuallyAsync(room, [""]);
    }

    [Test]
    public async Task A_transaction_with_too_many_events_is_refused()
    {
        var room = await JoinedAsync();
        var many = Enumerable.Range(0, 51).Select(_ => room.Say("bob", "x")).ToArray();

        (await room.SendAsync(_server, Next(), many)).Is(400, "M_TOO_LARGE");
    }

    [TestCase("send_join", "join", 2)]
    [TestCase("send_leave", "leave", 2)]
    [TestCase("send_knock", "knock", 1)]
    public async Task A_membership_that_follows_unknown_events_is_refused_and_not_kept(
        string endpoint, string membership, int version)
    {
        var room = await JoinedAsync();
        var fork = room.Latest;
        _ = room.Say("bob", "never sent");
        var member = room.Make(
            "carol", "m.room.member", room.User("carol"), new() { ["membership"] = membership });
        var asked = _peer.Requests.Count;

        var reply = await _peer.Peer.SendAsync(
            _server,
            "PUT",
            $"/_matrix/federation/v{version}/{endpoint}/{Escape(room.RoomId)}/{Escape(member.EventId)}",
            PeerRoom.Json(member));

        reply.Is(400, "M_INVALID_PARAM");
        room.Latest = fork;
        await SendAsync(room, room.Say("bob", "afterwards"));
        await EventuallyAsync(room, ["afterwards"]);
        var nid = (await Storage.Rooms.FindAsync(room.RoomId, CancellationToken.None))!.Identity.Nid;
        Assert.That(await Storage.StagedEvents.AnyAsync(nid, CancellationToken.None), Is.False);
        Assert.That(_peer.Requests, Has.Count.EqualTo(asked));
        Assert.That(await Storage.Events.FindAnywhereAsync(member.EventId, 1, CancellationToken.None), Is.Empty);
    }

    [Test]
    public async Task Transactions_of_one_server_are_carried_out_one_after_the_other_and_too_many_are_refused()
    {
        var room = await JoinedAsync();
        var entering = _server.Services.GetRequiredService<Matrix.Host.Rooms.Inbound.EnteringRooms>();
        Task<Reply>[] waiting;
        using (entering.Begin(room.RoomId))
        {
            waiting =
            [
                .. Enumerable.Range(0, 4).Select(
                    n => room.SendAsync(_server, $"slow{n}", room.Say("bob", $"{n}"))),
            ];
            await Task.Delay(500);
            (await room.SendAsync(_server, "slow4", room.Say("bob", "4"))).Is(429, "M_LIMIT_EXCEEDED");

            // A repeated one is not another one.
            waiting = [.. waiting, room.SendAsync(_server, "slow0", room.Events[room.Latest[0].PrevEvents[0]])];
        }

        foreach (var reply in await Task.WhenAll(waiting)) reply.Is(200);
        await EventuallyAsync(room, ["0", "1", "2", "3"]);
        (await room.SendAsync(_server, "slow5", room.Events[room.Latest[0].EventId])).Is(200);
    }

    [Test]
    public async Task A_room_that_is_being_joined_delays_only_its_own_events()
    {
        var room = await JoinedAsync();
        var other = await JoinedAsync();
        var slow = room.Say("bob", "slow");
        var fast = other.Say("bob", "fast");
        var entering = _server.Services.GetRequiredService<Matrix.Host.Rooms.Inbound.EnteringRooms>();
        Task<Reply> sent;
        using (entering.Begin(room.RoomId))
        {
            sent = room.SendAsync(_server, Next(), slow, fast);
            await EventuallyAsync(other, ["fast"]);
            Assert.That(await BodiesAsync(room), Is.Empty);
        }

        (await sent).Is(200);
        await EventuallyAsync(room, ["slow"]);
    }

    private IStorage Storage => _server.Services.GetRequiredService<IStorage>();

    private string Next() => $"next{++_transactions}";

    private static JsonObject Text(string body) => new() { ["msgtype"] = "m.text", ["body"] = body };

    private async Task<PeerRoom> JoinedAsync(string version = "11", bool powerful = false, string? others = null)
    {
        var roomId = await _alice.CreateRoomAsync(version);
        if (powerful)
        {
            var levels = (await _alice.GetAsync($"rooms/{Escape(roomId)}/state/m.room.power_levels/")).Is(200).Json;
            levels["users"]![$"@bob:{_peer.Peer.Name}"] = others is null ? 100 : 50;
            if (others is not null) levels["users"]![$"@{others}:{_peer.Peer.Name}"] = 100;
            (await _alice.PutAsync($"rooms/{Escape(roomId)}/state/m.room.power_levels/", levels)).Is(200);
        }

        var room = await PeerRoom.JoinAsync(_server, _peer.Peer, roomId, "bob");
        _peer.Rooms[roomId] = room;
        return room;
    }

    /// <summary>A local user changes the topic, and the peer gets the event.</summary>
    private async Task<Pdu> PutTopicAsync(PeerRoom room, string topic)
    {
        var put = await _alice.PutAsync(
            $"rooms/{Escape(room.RoomId)}/state/m.room.topic/", new() { ["topic"] = topic });
        var eventId = (string)put.Is(200).Json["event_id"]!;
        var served = await _peer.Peer.SendAsync(
            _server, "GET", $"/_matrix/federation/v1/event/{Escape(eventId)}");
        var pdu = room.Know(served.Is(200).Json["pdus"]![0]!.AsObject());
        room.Takes(pdu);
        return pdu;
    }

    private async Task SendAsync(PeerRoom room, params Pdu[] pdus)
    {
        var reply = (await room.SendAsync(_server, Next(), pdus)).Is(200).Json["pdus"]!.AsObject();
        Assert.That(reply.Select(each => each.Value!.ToJsonString()), Is.All.EqualTo("{}"));
    }

    private async Task<string[]> BodiesAsync(PeerRoom room) =>
        [.. (await _alice.TimelineAsync(room.RoomId))
            .Where(each => (string?)each["type"] == "m.room.message")
            .Select(each => (string?)each["content"]!["body"] ?? "")];

    private Task EventuallyAsync(PeerRoom room, string[] bodies) =>
        EventuallyAsync(room, shown => shown.SequenceEqual(bodies));

    private Task EventuallyAsync(PeerRoom room, Predicate<string[]> holds) =>
        EventuallyAsync(room, async () => holds(await BodiesAsync(room)));

    private async Task EventuallyAsync(PeerRoom room, Func<Task<bool>> holds)
    {
        for (var attempt = 0; attempt < 100; attempt++)
        {
            if (await holds()) return;
            await Task.Delay(100);
        }

        Assert.Fail($"The timeline is {string.Join(", ", await BodiesAsync(room))}.\n{_server.Log}");
    }

    private async Task<StoredEvent> StoredAsync(PeerRoom room, string eventId)
    {
        var row = (await Storage.Events.FindAnywhereAsync(eventId, 1, CancellationToken.None)).Single();
        var identity = (await Storage.Rooms.FindAsync(row.Nid.Room, CancellationToken.None))!.Identity;
        Assert.That(identity.RoomId, Is.EqualTo(room.RoomId));
        return new StoredEvent(identity, row);
    }

    private static string Escape(string text) => PeerRoom.Escape(text);
}
