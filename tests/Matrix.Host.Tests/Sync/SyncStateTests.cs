using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Sync;

/// <summary>
/// State in sync: before the timeline, after it, and what changed in a gap. Client-Server API,
/// "Syncing".
/// </summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class SyncStateTests(string kind) : TwoUsersTests(kind)
{
    [Test]
    public async Task A_sync_without_a_timeline_gets_the_whole_state_and_then_changes()
    {
        var room = await Alice.CreatesRoomAsync(with: new JsonObject { ["name"] = "Kitchen" });
        await Alice.SaysAsync(room, "old");

        var sync = await Alice.SyncsAsync(filter: SyncFilters.Of(("timeline", new JsonObject { ["limit"] = 0 })));
        Assert.That(sync.Timeline(room), Is.Empty);
        Assert.That(
            sync.State(room).Select(SyncReply.KeyOf),
            Is.SupersetOf(new[] { "m.room.create|", "m.room.name|", $"m.room.member|{Alice.UserId}" }));

        await Alice.SaysAsync(room, "new");
        Assert.That((await Alice.SyncsAsync(sync.Next)).Bodies(room), Is.EqualTo(new[] { "new" }));
    }

    [Test]
    public async Task State_in_the_timeline_is_not_sent_twice()
    {
        var room = await Alice.CreatesRoomAsync();
        var sync = await Alice.SyncsAsync();
        Assert.That(sync.State(room), Is.Empty);
        Assert.That(sync.IsLimited(room), Is.False);
        Assert.That((string?)sync.Timeline(room)[0]["type"], Is.EqualTo("m.room.create"));
        Assert.That(sync.Timeline(room)[0]["room_id"], Is.Null);
    }

    [Test]
    public async Task A_gap_comes_with_the_state_that_changed_in_it()
    {
        var room = await Alice.CreatesRoomAsync();
        var since = (await Alice.SyncsAsync()).Next;
        await Alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "in the gap" });
        for (var i = 0; i < 5; i++) await Alice.SaysAsync(room, $"m{i}");

        var filter = SyncFilters.Of(("timeline", new JsonObject { ["limit"] = 3 }));
        var sync = await Alice.SyncsAsync(since, filter: filter);
        Assert.That((sync.IsLimited(room), sync.Bodies(room)), Is.EqualTo((true, new[] { "m2", "m3", "m4" })));
        Assert.That(sync.State(room).Select(SyncReply.KeyOf), Is.EqualTo(new[] { "m.room.topic|" }));
        Assert.That(sync.PrevBatch(room), Does.StartWith("t1_"));
    }

    [Test]
    public async Task State_after_is_the_state_after_the_timeline()
    {
        var room = await Alice.CreatesRoomAsync();
        var since = (await Alice.SyncsAsync(query: "use_state_after=true")).Next;
        await Alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "first" });
        await Alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "second" });

        var sync = await Alice.SyncsAsync(since, "use_state_after=true");
        Assert.That(sync.StateAfter(room).Select(e => (string?)e["content"]!["topic"]), Is.EqualTo(new[] { "second" }));
        Assert.That(sync.Room(room).ContainsKey("state"), Is.False);
        Assert.That(sync.Timeline(room), Has.Count.EqualTo(2));

        await Alice.SaysAsync(room, "x");
        sync = await Alice.SyncsAsync(sync.Next, "use_state_after=true");
        Assert.That(sync.StateAfter(room), Is.Empty, "`state_after` must be there, even if it is empty.");
    }

    [Test]
    public async Task Clients_of_the_proposal_get_the_state_after_by_its_name()
    {
        var room = await Alice.CreatesRoomAsync();
        var since = (await Alice.SyncsAsync()).Next;
        await Alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "first" });

        var sync = await Alice.SyncsAsync(since, "org.matrix.msc4222.use_state_after=true");
        var after = sync.Room(room)["org.matrix.msc4222.state_after"]!["events"]!.AsArray();
        Assert.That(after.Select(each => (string?)each!["content"]!["topic"]), Is.EqualTo(new[] { "first" }));
        Assert.That(
            sync.Room(room).Select(each => each.Key), Has.None.EqualTo("state").And.None.EqualTo("state_after"));

        await Alice.SaysAsync(room, "x");
        sync = await Alice.SyncsAsync(sync.Next, "org.matrix.msc4222.use_state_after=true");
        Assert.That(sync.Room(room)["org.matrix.msc4222.state_after"]!["events"]!.AsArray(), Is.Empty);
        sync = await Alice.SyncsAsync(query: "use_state_after=true&org.matrix.msc4222.use_state_after=true");
        Assert.That(sync.StateAfter(room), Is.Not.Empty, "the specification's name comes first");
    }

    [Test]
    public async Task State_after_has_the_end_of_an_invite([Values] bool isBanned)
    {
        var room = await Alice.CreatesRoomAsync("private_chat");
        await Alice.InvitesAsync(room, Bob);
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.LeavesAsync(room);
        if (isBanned) await Alice.BansAsync(room, Bob);

        var sync = await Bob.SyncsAsync(since, "use_state_after=true");
        Assert.That(Memberships(sync.StateAfter(room), Bob), Is.EqualTo(new[] { isBanned ? "ban" : "leave" }));
        Assert.That(Memberships(sync.Timeline(room), Bob), Is.EqualTo(new[] { isBanned ? "ban" : "leave" }));
        Assert.That((await Bob.SyncsAsync(since)).State(room), Is.Empty);
    }

    [Test]
    public async Task State_after_has_a_ban_that_follows_a_leave([Values] bool isAtOnce)
    {
        var room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(room);
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.LeavesAsync(room);
        if (!isAtOnce) since = (await Bob.SyncsAsync(since)).Next;
        await Alice.BansAsync(room, Bob);

        var sync = await Bob.SyncsAsync(since, "use_state_after=true");
        Assert.That(Memberships(sync.StateAfter(room), Bob), Is.EqualTo(new[] { "ban" }));
        var names = SyncFilters.Of(("state", new JsonObject { ["types"] = new JsonArray("m.room.name") }));
        Assert.That((await Bob.SyncsAsync(since, "use_state_after=true", names)).StateAfter(room), Is.Empty);
    }

    private static string?[] Memberships(IReadOnlyList<JsonObject> events, TestUser user) =>
    [
        .. events.Where(each => SyncReply.KeyOf(each) == $"m.room.member|{user.UserId}")
            .Select(each => (string?)each["content"]!["membership"]),
    ];

    [Test]
    public async Task State_that_the_timeline_filter_holds_back_comes_as_state()
    {
        var room = await Alice.CreatesRoomAsync();
        var filter = SyncFilters.Of(("timeline", new JsonObject { ["types"] = new JsonArray("m.room.message") }));
        var since = (await Alice.SyncsAsync(filter: filter)).Next;
        await Alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "unseen" });
        await Alice.SaysAsync(room, "seen");

        var sync = await Alice.SyncsAsync(since, filter: filter);
        Assert.That(sync.Bodies(room), Is.EqualTo(new[] { "seen" }));
        Assert.That(sync.State(room).Select(SyncReply.KeyOf), Is.EqualTo(new[] { "m.room.topic|" }));
    }

    [Test]
    public async Task Full_state_is_given_at_once_and_the_timeline_goes_on_from_the_token()
    {
        var room = await Alice.CreatesRoomAsync();
        await Alice.SaysAsync(room, "old");
        var since = (await Alice.SyncsAsync()).Next;
        var sync = await Alice.SyncsAsync(since, "full_state=true&timeout=30000");
        Assert.That(
            sync.State(room).Select(SyncReply.KeyOf),
            Does.Contain("m.room.create|").And.Contain($"m.room.member|{Alice.UserId}"));
        Assert.That(sync.Timeline(room), Is.Empty);
    }

    [TestCase("")]
    [TestCase("use_state_after=true")]
    public async Task State_has_the_readers_membership_and_the_event_it_replaced(string query)
    {
        var room = await Alice.CreatesRoomAsync(with: new JsonObject { ["topic"] = "first", ["name"] = "Kitchen" });
        await Bob.JoinsAsync(room);
        var first = (string?)(await Alice.GetAsync($"rooms/{UserActions.Esc(room)}/state/m.room.topic?format=event"))
            .Json["event_id"];
        var second = await Alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "second" });
        for (var i = 0; i < 25; i++) await Alice.SaysAsync(room, $"m{i}");

        var initial = await Bob.SyncsAsync(query: query);
        var state = State(initial);
        Assert.That((string?)state["m.room.topic|"]["unsigned"]!["replaces_state"], Is.EqualTo(first));
        Assert.That((string?)state["m.room.topic|"]["unsigned"]!["membership"], Is.EqualTo("join"));
        Assert.That((string?)state["m.room.name|"]["unsigned"]!["membership"], Is.EqualTo("leave"));
        Assert.That(state["m.room.name|"]["unsigned"]!.AsObject().ContainsKey("replaces_state"), Is.False);

        await Alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "third" });
        for (var i = 0; i < 25; i++) await Alice.SaysAsync(room, $"n{i}");
        var gap = State(await Bob.SyncsAsync(initial.Next, query));
        Assert.That((string?)gap["m.room.topic|"]["unsigned"]!["replaces_state"], Is.EqualTo(second));
        Assert.That((string?)gap["m.room.topic|"]["unsigned"]!["membership"], Is.EqualTo("join"));

        await Bob.LeavesAsync(room);
        var left = await Bob.SyncsAsync(filter: new JsonObject
        {
            ["room"] = new JsonObject { ["include_leave"] = true, ["timeline"] = new JsonObject { ["limit"] = 2 } },
        });
        Assert.That(
            (string?)left.State(room).Single(e => SyncReply.KeyOf(e) == "m.room.topic|")["unsigned"]!["replaces_state"],
            Is.EqualTo(second));

        Dictionary<string, JsonObject> State(SyncReply sync) =>
            (query.Length == 0 ? sync.State(room) : sync.StateAfter(room)).ToDictionary(SyncReply.KeyOf);
    }
}
