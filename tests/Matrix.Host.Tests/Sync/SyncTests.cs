using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Sync;

/// <summary>Sync as clients see it. Client-Server API, "Syncing".</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class SyncTests(string kind)
{
    private TestDatabase _database = null!;
    private HomeserverFixture _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    [SetUp]
    public async Task SetUp()
    {
        _database = await TestDatabase.CreateAsync(kind);
        _server = await HomeserverFixture.StartAsync(("database.url", _database.Url));
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
    }

    [TearDown]
    public async Task TearDown()
    {
        await _server.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task An_initial_sync_has_the_state_before_the_timeline_and_the_timeline()
    {
        var room = await _alice.CreatesRoomAsync(with: new JsonObject { ["name"] = "Kitchen" });
        for (var i = 0; i < 25; i++) await _alice.SaysAsync(room, $"m{i}");

        var sync = await _alice.SyncsAsync();
        Assert.That(sync.Joined, Is.EqualTo(new[] { room }));
        Assert.That(sync.Bodies(room), Is.EqualTo(Enumerable.Range(5, 20).Select(i => $"m{i}")));
        Assert.That(sync.IsLimited(room), Is.True);
        Assert.That(sync.State(room).Select(SyncReply.KeyOf), Is.SupersetOf(new[]
        {
            "m.room.create|",
            "m.room.name|",
            "m.room.power_levels|",
            "m.room.join_rules|",
            $"m.room.member|{_alice.UserId}",
        }));
        Assert.That((int)sync.Room(room)["summary"]!["m.joined_member_count"]!, Is.EqualTo(1));
        Assert.That(sync.Room(room)["state_after"], Is.Null);
    }

    [Test]
    public async Task A_sync_without_a_timeline_gets_the_whole_state_and_then_changes()
    {
        var room = await _alice.CreatesRoomAsync(with: new JsonObject { ["name"] = "Kitchen" });
        await _alice.SaysAsync(room, "old");

        var sync = await _alice.SyncsAsync(filter: Filter(("timeline", new JsonObject { ["limit"] = 0 })));
        Assert.That(sync.Timeline(room), Is.Empty);
        Assert.That(
            sync.State(room).Select(SyncReply.KeyOf),
            Is.SupersetOf(new[] { "m.room.create|", "m.room.name|", $"m.room.member|{_alice.UserId}" }));

        await _alice.SaysAsync(room, "new");
        Assert.That((await _alice.SyncsAsync(sync.Next)).Bodies(room), Is.EqualTo(new[] { "new" }));
    }

    [Test]
    public async Task A_timeline_is_limited_if_something_that_passes_its_filter_was_cut_off_and_only_then()
    {
        var room = await _alice.CreatesRoomAsync();
        for (var i = 0; i < 30; i++) await _alice.SaysAsync(room, $"m{i}");
        var since = (await _alice.SyncsAsync()).Next;
        var nothing = Filter(
            ("timeline", new JsonObject { ["limit"] = 0, ["types"] = new JsonArray("org.example.none") }));
        var all = Filter(("timeline", new JsonObject { ["limit"] = 100 }));
        var none = Filter(("timeline", new JsonObject { ["limit"] = 0 }));

        Assert.That((await _alice.SyncsAsync(filter: nothing)).IsLimited(room), Is.False);
        Assert.That((await _alice.SyncsAsync(filter: none.DeepClone().AsObject())).IsLimited(room), Is.True);
        Assert.That((await _alice.SyncsAsync(filter: all)).IsLimited(room), Is.False);
        await _alice.SaysAsync(room, "new");
        Assert.That((await _alice.SyncsAsync(since, filter: none)).IsLimited(room), Is.True);
    }

    [Test]
    public async Task A_user_without_access_to_earlier_history_gets_no_gap()
    {
        var room = await _alice.CreatesRoomAsync();
        await _alice.SetsAsync(room, "m.room.history_visibility", new JsonObject { ["history_visibility"] = "joined" });
        await _alice.SaysAsync(room, "hidden");
        await _bob.JoinsAsync(room);
        var sync = await _bob.SyncsAsync();
        Assert.That(sync.Bodies(room), Is.Empty);
        Assert.That(sync.IsLimited(room), Is.False);
    }

    [Test]
    public async Task A_timeline_that_begins_in_the_middle_of_the_room_is_limited()
    {
        var room = await _alice.CreatesRoomAsync();
        await _alice.SaysAsync(room, "said");
        Assert.That((await _alice.SyncsAsync()).IsLimited(room), Is.False);

        // The beginning of the room counts as not fetched.
        var storage = _server.Services.GetRequiredService<IStorage>();
        var first = EventNid.FirstLiveOf((await storage.Rooms.FindAsync(room, default))!.Nid);
        var create = (await storage.Events.FindAsync(first, default))!;
        await storage.Writer.WriteAsync(
            new WriteBatch().Add(new EventMarksChanged(first, create.Marks | EventMarks.Outlier)),
            default);
        await _server.RestartAsync();
        Assert.That((await _alice.SyncsAsync()).IsLimited(room), Is.True);
    }

    [Test]
    public async Task A_rare_match_is_looked_for_as_long_as_the_time_for_it_lasts()
    {
        var room = await _alice.CreatesRoomAsync();
        var rare = await _alice.SendsAsync(room, "org.example.rare", new JsonObject { ["body"] = "rare" });
        var together = new ParallelOptions { MaxDegreeOfParallelism = 64 };
        await Parallel.ForEachAsync(Enumerable.Range(0, 600), together, async (n, _) =>
            await _alice.SaysAsync(room, $"m{n}"));
        var filter = Filter(
            ("timeline", new JsonObject { ["limit"] = 1, ["types"] = new JsonArray("org.example.rare") }));
        var found = await _alice.SyncsAsync(filter: filter.DeepClone().AsObject());
        Assert.That(found.Timeline(room).Select(e => (string?)e["event_id"]), Is.EqualTo(new[] { rare }));
        Assert.That(found.IsLimited(room), Is.False);

        var types = Uri.EscapeDataString(
            new JsonObject { ["types"] = new JsonArray("org.example.rare") }.ToJsonString());
        var page = (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=1&filter={types}")).Json;
        Assert.That((string?)page["chunk"]![0]?["event_id"], Is.EqualTo(rare));

        await _server.RestartAsync(("limits.scan_time", "1ms"));
        var cut = await _alice.SyncsAsync(filter: filter);
        Assert.That(cut.Timeline(room), Is.Empty);
        Assert.That(cut.IsLimited(room), Is.True);
        string? from = cut.PrevBatch(room);
        for (var pages = 0; from is not null; pages++)
        {
            Assert.That(pages, Is.LessThan(700));
            page = (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=1&filter={types}&from={from}")).Json;
            if (page["chunk"]!.AsArray().Count > 0) break;
            from = (string?)page["end"];
        }

        Assert.That(
            (string?)page["chunk"]![0]?["event_id"],
            Is.EqualTo(rare),
            "The returned tokens continue where the scan ended.");
    }

    [Test]
    public async Task State_in_the_timeline_is_not_sent_twice()
    {
        var room = await _alice.CreatesRoomAsync();
        var sync = await _alice.SyncsAsync();
        Assert.That(sync.State(room), Is.Empty);
        Assert.That(sync.IsLimited(room), Is.False);
        Assert.That((string?)sync.Timeline(room)[0]["type"], Is.EqualTo("m.room.create"));
        Assert.That(sync.Timeline(room)[0]["room_id"], Is.Null);
    }

    [Test]
    public async Task An_incremental_sync_has_what_is_new_and_nothing_else()
    {
        var kitchen = await _alice.CreatesRoomAsync();
        var garden = await _alice.CreatesRoomAsync();
        await _bob.JoinsAsync(kitchen);
        var since = (await _alice.SyncsAsync()).Next;

        await _bob.SaysAsync(kitchen, "hello");
        var sync = await _alice.SyncsAsync(since);
        Assert.That(sync.Joined, Is.EqualTo(new[] { kitchen }));
        Assert.That(sync.Bodies(kitchen), Is.EqualTo(new[] { "hello" }));
        Assert.That((sync.State(kitchen).Count, sync.IsLimited(kitchen)), Is.EqualTo((0, false)));
        Assert.That((await _alice.SyncsAsync(sync.Next)).IsEmpty, Is.True);
        Assert.That(garden, Is.Not.Empty);
    }

    [Test]
    public async Task A_token_can_be_used_twice()
    {
        var room = await _alice.CreatesRoomAsync();
        var since = (await _alice.SyncsAsync()).Next;
        await _alice.SaysAsync(room, "one");
        Assert.That((await _alice.SyncsAsync(since)).Bodies(room), Is.EqualTo(new[] { "one" }));
        await _alice.SaysAsync(room, "two");
        Assert.That((await _alice.SyncsAsync(since)).Bodies(room), Is.EqualTo(new[] { "one", "two" }));
    }

    [Test]
    public async Task A_gap_comes_with_the_state_that_changed_in_it()
    {
        var room = await _alice.CreatesRoomAsync();
        var since = (await _alice.SyncsAsync()).Next;
        await _alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "in the gap" });
        for (var i = 0; i < 5; i++) await _alice.SaysAsync(room, $"m{i}");

        var filter = Filter(("timeline", new JsonObject { ["limit"] = 3 }));
        var sync = await _alice.SyncsAsync(since, filter: filter);
        Assert.That((sync.IsLimited(room), sync.Bodies(room)), Is.EqualTo((true, new[] { "m2", "m3", "m4" })));
        Assert.That(sync.State(room).Select(SyncReply.KeyOf), Is.EqualTo(new[] { "m.room.topic|" }));
        Assert.That(sync.PrevBatch(room), Does.StartWith("t1_"));
    }

    [Test]
    public async Task State_after_is_the_state_after_the_timeline()
    {
        var room = await _alice.CreatesRoomAsync();
        var since = (await _alice.SyncsAsync(query: "use_state_after=true")).Next;
        await _alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "first" });
        await _alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "second" });

        var sync = await _alice.SyncsAsync(since, "use_state_after=true");
        Assert.That(sync.StateAfter(room).Select(e => (string?)e["content"]!["topic"]), Is.EqualTo(new[] { "second" }));
        Assert.That(sync.Room(room).ContainsKey("state"), Is.False);
        Assert.That(sync.Timeline(room), Has.Count.EqualTo(2));

        await _alice.SaysAsync(room, "x");
        sync = await _alice.SyncsAsync(sync.Next, "use_state_after=true");
        Assert.That(sync.StateAfter(room), Is.Empty, "`state_after` must be there, even if it is empty.");
    }

    [Test]
    public async Task State_that_the_timeline_filter_holds_back_comes_as_state()
    {
        var room = await _alice.CreatesRoomAsync();
        var filter = Filter(("timeline", new JsonObject { ["types"] = new JsonArray("m.room.message") }));
        var since = (await _alice.SyncsAsync(filter: filter)).Next;
        await _alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "unseen" });
        await _alice.SaysAsync(room, "seen");

        var sync = await _alice.SyncsAsync(since, filter: filter);
        Assert.That(sync.Bodies(room), Is.EqualTo(new[] { "seen" }));
        Assert.That(sync.State(room).Select(SyncReply.KeyOf), Is.EqualTo(new[] { "m.room.topic|" }));
    }

    [Test]
    public async Task Full_state_is_given_at_once_and_the_timeline_goes_on_from_the_token()
    {
        var room = await _alice.CreatesRoomAsync();
        await _alice.SaysAsync(room, "old");
        var since = (await _alice.SyncsAsync()).Next;
        var sync = await _alice.SyncsAsync(since, "full_state=true&timeout=30000");
        Assert.That(
            sync.State(room).Select(SyncReply.KeyOf),
            Does.Contain("m.room.create|").And.Contain($"m.room.member|{_alice.UserId}"));
        Assert.That(sync.Timeline(room), Is.Empty);
    }

    [Test]
    public async Task A_room_that_one_joins_comes_whole()
    {
        var room = await _alice.CreatesRoomAsync(with: new JsonObject { ["name"] = "Kitchen" });
        await _alice.SaysAsync(room, "before");
        var since = (await _bob.SyncsAsync()).Next;
        await _bob.JoinsAsync(room);

        var sync = await _bob.SyncsAsync(since);
        Assert.That(sync.Joined, Is.EqualTo(new[] { room }));
        Assert.That(sync.Bodies(room), Does.Contain("before"));
        var known = sync.State(room).Concat(sync.Timeline(room)).Select(SyncReply.KeyOf);
        Assert.That(known, Is.SupersetOf(new[] { "m.room.create|", "m.room.name|", $"m.room.member|{_bob.UserId}" }));
    }

    [Test]
    public async Task A_new_member_of_a_room_with_history_for_members_sees_nothing_earlier()
    {
        var room = await _alice.CreatesRoomAsync(with: new JsonObject
        {
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.history_visibility",
                ["state_key"] = "",
                ["content"] = new JsonObject { ["history_visibility"] = "joined" },
            }),
        });
        await _alice.SaysAsync(room, "secret");
        var since = (await _bob.SyncsAsync()).Next;
        await _bob.JoinsAsync(room);
        await _alice.SaysAsync(room, "welcome");

        var sync = await _bob.SyncsAsync(since);
        Assert.That(sync.Bodies(room), Is.EqualTo(new[] { "welcome" }));
        Assert.That(
            sync.Timeline(room).Select(SyncReply.KeyOf),
            Does.Contain($"m.room.member|{_bob.UserId}"),
            "One's own joining is visible.");
        Assert.That(
            sync.State(room).Concat(sync.Timeline(room)).Select(SyncReply.KeyOf),
            Does.Contain("m.room.create|"));
    }

    [Test]
    public async Task A_kicked_user_sees_the_kick_and_nothing_after()
    {
        var room = await _alice.CreatesRoomAsync();
        await _bob.JoinsAsync(room);
        var since = (await _bob.SyncsAsync()).Next;
        await _alice.SaysAsync(room, "last words");
        await _alice.KicksAsync(room, _bob);
        await _alice.SaysAsync(room, "he is gone");
        await _alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "him" });

        foreach (var query in new[] { "", "use_state_after=true" })
        {
            var sync = await _bob.SyncsAsync(since, query);
            Assert.That((sync.Joined, sync.Left), Is.EqualTo((Array.Empty<string>(), new[] { room })));
            Assert.That(sync.Bodies(room), Is.EqualTo(new[] { "last words" }));
            Assert.That((string?)sync.Timeline(room)[^1]["content"]!["membership"], Is.EqualTo("leave"));
            Assert.That(
                (query.Length == 0 ? sync.State(room) : sync.StateAfter(room)).Select(SyncReply.KeyOf),
                Has.None.EqualTo("m.room.topic|"));
            Assert.That((await _bob.SyncsAsync(sync.Next)).IsEmpty, Is.True);
        }
    }

    [Test]
    public async Task One_who_left_and_was_banned_later_sees_the_leaving_the_ban_and_nothing_in_between()
    {
        var room = await _alice.CreatesRoomAsync();
        await _bob.JoinsAsync(room);
        var since = (await _bob.SyncsAsync()).Next;
        await _bob.LeavesAsync(room);
        await _alice.SaysAsync(room, "in between");
        await _alice.BansAsync(room, _bob);

        var sync = await _bob.SyncsAsync(since);
        Assert.That(sync.Left, Is.EqualTo(new[] { room }));
        Assert.That(sync.Bodies(room), Is.Empty);
        Assert.That(
            sync.Timeline(room).Select(e => (string?)e["content"]!["membership"]),
            Is.EqualTo(new[] { "leave", "ban" }));

        await _alice.SaysAsync(room, "and after");
        await _alice.PostAsync($"rooms/{SyncingUsers.Esc(room)}/unban", new JsonObject { ["user_id"] = _bob.UserId });
        var later = await _bob.SyncsAsync(sync.Next);
        Assert.That(
            later.Timeline(room).Select(e => (string?)e["content"]!["membership"]),
            Is.EqualTo(new[] { "leave" }));
        Assert.That(later.State(room), Is.Empty);
        Assert.That((await _bob.SyncsAsync(later.Next)).IsEmpty, Is.True);
    }

    [Test]
    public async Task Rooms_that_one_left_are_shown_later_to_those_who_ask_for_them_and_forgotten_ones_to_nobody()
    {
        var left = await _alice.CreatesRoomAsync();
        var forgotten = await _alice.CreatesRoomAsync();
        foreach (var room in new[] { left, forgotten })
        {
            await _bob.JoinsAsync(room);
            await _alice.SaysAsync(room, "seen");
            await _bob.LeavesAsync(room);
            await _alice.SaysAsync(room, "unseen");
        }

        Assert.That((await _bob.PostAsync($"rooms/{SyncingUsers.Esc(forgotten)}/forget")).Status, Is.EqualTo(200));
        Assert.That((await _bob.SyncsAsync()).Left, Is.Empty);
        var sync = await _bob.SyncsAsync(
            filter: new JsonObject { ["room"] = new JsonObject { ["include_leave"] = true } });
        Assert.That(sync.Left, Is.EqualTo(new[] { left }));
        Assert.That(sync.Bodies(left), Is.EqualTo(new[] { "seen" }));
    }

    [Test]
    public async Task An_invitation_comes_as_stripped_state_and_goes_when_it_is_declined()
    {
        var room = await _alice.CreatesRoomAsync(
            "private_chat",
            new JsonObject { ["name"] = "Kitchen", ["topic"] = "Cooking" });
        var since = (await _bob.SyncsAsync()).Next;
        await _alice.InvitesAsync(room, _bob);

        var sync = await _bob.SyncsAsync(since);
        Assert.That(sync.Invited, Is.EqualTo(new[] { room }));
        var state = sync.InviteState(room);
        Assert.That(state.Select(SyncReply.KeyOf), Is.SupersetOf(new[]
        {
            "m.room.create|", "m.room.name|", "m.room.topic|", "m.room.join_rules|", $"m.room.member|{_bob.UserId}",
        }));
        Assert.That(
            state.SelectMany(e => e.Select(m => m.Key)).Distinct(),
            Is.EquivalentTo(new[] { "content", "sender", "state_key", "type" }));
        Assert.That((await _bob.SyncsAsync()).Invited, Is.EqualTo(new[] { room }), "An initial sync has it as well.");

        await _alice.SaysAsync(room, "not for him");
        Assert.That((await _bob.SyncsAsync(sync.Next)).IsEmpty, Is.True);

        await _bob.LeavesAsync(room);
        var declined = await _bob.SyncsAsync(sync.Next);
        Assert.That(declined.Left, Is.EqualTo(new[] { room }));
        Assert.That(
            declined.Timeline(room).Select(SyncReply.KeyOf),
            Is.EqualTo(new[] { $"m.room.member|{_bob.UserId}" }));
        Assert.That(declined.State(room), Is.Empty, "He never joined.");
    }

    [Test]
    public async Task An_invite_is_not_shown_to_one_who_blocks_invites()
    {
        var since = (await _bob.SyncsAsync()).Next;
        var room = await _alice.CreatesRoomAsync();
        await _alice.InvitesAsync(room, _bob);
        await _bob.SetsAccountDataAsync("m.invite_permission_config", new JsonObject { ["default_action"] = "block" });
        Assert.That((await _bob.SyncsAsync(since)).Invited, Is.Empty);
        Assert.That((await _bob.SyncsAsync()).Invited, Is.Empty);

        await _bob.SetsAccountDataAsync("m.invite_permission_config", []);
        Assert.That((await _bob.SyncsAsync()).Invited, Is.EqualTo(new[] { room }));
    }

    [Test]
    public async Task Ignored_users_are_not_heard_but_the_state_they_make_is()
    {
        var room = await _alice.CreatesRoomAsync(with: new JsonObject
        {
            ["power_level_content_override"] = new JsonObject { ["events"] = new JsonObject { ["m.room.topic"] = 0 } },
        });
        await _bob.JoinsAsync(room);
        var since = (await _alice.SyncsAsync()).Next;
        await _alice.SetsAccountDataAsync(
            "m.ignored_user_list",
            new JsonObject { ["ignored_users"] = new JsonObject { [_bob.UserId] = new JsonObject() } });
        await _bob.SaysAsync(room, "can you hear me?");
        await _bob.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "still here" });
        await _bob.TypesAsync(room);
        await _bob.InvitesAsync(await _bob.CreatesRoomAsync(), _alice);

        var sync = await _alice.SyncsAsync(since);
        Assert.That(sync.Timeline(room).Select(e => (string?)e["type"]), Is.EqualTo(new[] { "m.room.topic" }));
        Assert.That(sync.Invited, Is.Empty);
        Assert.That(sync.Ephemeral(room).SelectMany(e => e["content"]!["user_ids"]?.AsArray() ?? []), Is.Empty);
    }

    [Test]
    public async Task Account_data_comes_with_its_change()
    {
        var room = await _alice.CreatesRoomAsync();
        await _alice.SetsAccountDataAsync("org.example", new JsonObject { ["a"] = 1 });
        await _alice.SetsAccountDataAsync("m.tag", new JsonObject { ["tags"] = new JsonObject() }, room);
        var sync = await _alice.SyncsAsync();
        Assert.That(
            sync.AccountData.Select(e => (string?)e["type"]),
            Does.Contain("org.example").And.Contain("m.push_rules"));
        Assert.That(sync.RoomAccountData(room).Select(e => (string?)e["type"]), Is.EqualTo(new[] { "m.tag" }));

        await _alice.SetsAccountDataAsync("org.example", new JsonObject { ["a"] = 2 });
        var next = await _alice.SyncsAsync(sync.Next);
        Assert.That(next.AccountData.Select(e => (int?)e["content"]!["a"]), Is.EqualTo(new int?[] { 2 }));
        Assert.That(next.Joined, Is.Empty);

        await _alice.SetsAccountDataAsync("m.tag", new JsonObject
        {
            ["tags"] = new JsonObject { ["m.favourite"] = new JsonObject() },
        }, room);
        Assert.That((await _alice.SyncsAsync(next.Next)).RoomAccountData(room), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Transaction_ids_are_for_the_device_that_sent()
    {
        var room = await _alice.CreatesRoomAsync();
        var other = await _alice.LogsInAsync();
        var (since, otherSince) = ((await _alice.SyncsAsync()).Next, (await other.SyncsAsync()).Next);
        await _alice.SaysAsync(room, "mine", transaction: "mine-1");

        Assert.That(
            (string?)(await _alice.SyncsAsync(since)).Timeline(room)[0]["unsigned"]!["transaction_id"],
            Is.EqualTo("mine-1"));
        Assert.That((await other.SyncsAsync(otherSince)).Timeline(room)[0]["unsigned"]!["transaction_id"], Is.Null);
    }

    [Test]
    public async Task Unsigned_has_age_membership_and_replaced_state()
    {
        var room = await _alice.CreatesRoomAsync(with: new JsonObject { ["topic"] = "old" });
        var since = (await _bob.SyncsAsync()).Next;
        await _bob.JoinsAsync(room);
        await _alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "new" });

        var timeline = (await _bob.SyncsAsync(since)).Timeline(room);
        Assert.That((string?)timeline[0]["unsigned"]!["membership"], Is.EqualTo("leave"));
        var changed = timeline[^1]["unsigned"]!;
        Assert.That((string?)changed["membership"], Is.EqualTo("join"));
        Assert.That((string?)changed["prev_content"]!["topic"], Is.EqualTo("old"));
        Assert.That((string?)changed["replaces_state"], Does.StartWith("$"));
        Assert.That((long)changed["age"]!, Is.InRange(0, 60_000));
    }

    [TestCase("")]
    [TestCase("use_state_after=true")]
    public async Task State_has_the_readers_membership_and_the_event_it_replaced(string query)
    {
        var room = await _alice.CreatesRoomAsync(with: new JsonObject { ["topic"] = "first", ["name"] = "Kitchen" });
        await _bob.JoinsAsync(room);
        var first = (string?)(await _alice.GetAsync($"rooms/{SyncingUsers.Esc(room)}/state/m.room.topic?format=event"))
            .Json["event_id"];
        var second = await _alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "second" });
        for (var i = 0; i < 25; i++) await _alice.SaysAsync(room, $"m{i}");

        var initial = await _bob.SyncsAsync(query: query);
        var state = State(initial);
        Assert.That((string?)state["m.room.topic|"]["unsigned"]!["replaces_state"], Is.EqualTo(first));
        Assert.That((string?)state["m.room.topic|"]["unsigned"]!["membership"], Is.EqualTo("join"));
        Assert.That((string?)state["m.room.name|"]["unsigned"]!["membership"], Is.EqualTo("leave"));
        Assert.That(state["m.room.name|"]["unsigned"]!.AsObject().ContainsKey("replaces_state"), Is.False);

        await _alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "third" });
        for (var i = 0; i < 25; i++) await _alice.SaysAsync(room, $"n{i}");
        var gap = State(await _bob.SyncsAsync(initial.Next, query));
        Assert.That((string?)gap["m.room.topic|"]["unsigned"]!["replaces_state"], Is.EqualTo(second));
        Assert.That((string?)gap["m.room.topic|"]["unsigned"]!["membership"], Is.EqualTo("join"));

        await _bob.LeavesAsync(room);
        var left = await _bob.SyncsAsync(filter: new JsonObject
        {
            ["room"] = new JsonObject { ["include_leave"] = true, ["timeline"] = new JsonObject { ["limit"] = 2 } },
        });
        Assert.That(
            (string?)left.State(room).Single(e => SyncReply.KeyOf(e) == "m.room.topic|")["unsigned"]!["replaces_state"],
            Is.EqualTo(second));

        Dictionary<string, JsonObject> State(SyncReply sync) =>
            (query.Length == 0 ? sync.State(room) : sync.StateAfter(room)).ToDictionary(SyncReply.KeyOf);
    }

    [Test]
    public async Task A_redacted_event_says_why()
    {
        var room = await _alice.CreatesRoomAsync();
        var id = await _alice.SaysAsync(room, "oops");
        await _alice.PutAsync($"rooms/{SyncingUsers.Esc(room)}/redact/{SyncingUsers.Esc(id)}/r1", new JsonObject
        {
            ["reason"] = "typo",
        });
        var redacted = (await _alice.SyncsAsync()).Timeline(room).Single(e => (string?)e["event_id"] == id);
        Assert.That(redacted["content"]!.AsObject(), Is.Empty);
        Assert.That((string?)redacted["unsigned"]!["redacted_because"]!["content"]!["reason"], Is.EqualTo("typo"));
    }

    [Test]
    public async Task Tokens_from_before_a_restart_continue_and_nothing_is_lost_or_sent_twice()
    {
        var room = await _alice.CreatesRoomAsync();
        var sync = await _alice.SyncsAsync();
        await _alice.SaysAsync(room, "before");
        await _server.RestartAsync();
        await _alice.SaysAsync(room, "after");

        var next = await _alice.SyncsAsync(sync.Next);
        Assert.That(next.Bodies(room), Is.EqualTo(new[] { "before", "after" }));
        Assert.That(next.State(room), Is.Empty);
        Assert.That((await _alice.SyncsAsync(next.Next)).IsEmpty, Is.True);
    }

    [TestCase("since=garbage")]
    [TestCase("since=s1_99999999_1_1")]
    [TestCase("since=t1_1")]
    [TestCase("filter=77")]
    [TestCase("filter=abc")]
    [TestCase("timeout=-1")]
    [TestCase("timeout=soon")]
    [TestCase("full_state=maybe")]
    [TestCase("set_presence=dancing")]
    public async Task A_malformed_question_is_refused(string query) =>
        (await _alice.GetAsync("sync?" + query)).Is(400, "M_INVALID_PARAM");

    [TestCase("{", "M_NOT_JSON")]
    [TestCase("{\"room\":7}", "M_BAD_JSON")]
    public async Task A_malformed_filter_is_refused(string filter, string code) =>
        (await _alice.GetAsync("sync?filter=" + Uri.EscapeDataString(filter))).Is(400, code);

    [Test]
    public async Task A_stored_filter_is_found_by_its_id()
    {
        var room = await _alice.CreatesRoomAsync();
        await _alice.SaysAsync(room, "x");
        var stored = await _alice.PostAsync(
            $"user/{SyncingUsers.Esc(_alice.UserId)}/filter",
            Filter(("timeline", new JsonObject { ["limit"] = 1 })));
        var sync = await _alice.SyncsAsync(query: "filter=" + stored.Member("filter_id"));
        Assert.That(sync.Timeline(room), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Rooms_and_fields_are_filtered()
    {
        var kitchen = await _alice.CreatesRoomAsync();
        var garden = await _alice.CreatesRoomAsync();
        var sync = await _alice.SyncsAsync(
            filter: new JsonObject { ["room"] = new JsonObject { ["not_rooms"] = new JsonArray(kitchen) } });
        Assert.That(sync.Joined, Is.EqualTo(new[] { garden }));

        sync = await _alice.SyncsAsync(
            filter: new JsonObject { ["event_fields"] = new JsonArray("type", "content.membership") });
        Assert.That(sync.Timeline(kitchen)[0].Select(m => m.Key), Is.EqualTo(new[] { "type" }));
    }

    private static JsonObject Filter(params (string Section, JsonObject Filter)[] sections)
    {
        var room = new JsonObject();
        foreach (var (section, filter) in sections) room[section] = filter;
        return new JsonObject { ["room"] = room };
    }
}
