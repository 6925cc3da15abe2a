using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Sync;

/// <summary>Rooms that a user left: sync returns the same from memory and from the database.</summary>
internal sealed class DepartedRoomTests(string databaseKind) : TwoInARoomTests(databaseKind)
{
    [Test]
    public async Task Account_data_of_a_room_left_before_the_last_start_reaches_a_live_sync_once()
    {
        await Bob.LeavesAsync(Room);
        await Server.RestartAsync();
        var since = (await Bob.SyncsAsync()).Next;

        var wait = Bob.WaitsAsync(since);
        await Bob.SetsAccountDataAsync("org.example.note", new JsonObject { ["a"] = 1 }, Room);

        var sync = await wait;
        Assert.That(sync.Left, Is.EqualTo(new[] { Room }));
        Assert.That(
            sync.RoomAccountData(Room).Select(each => (int?)each["content"]!["a"]),
            Is.EqualTo(new int?[] { 1 }));
        Assert.That((await Bob.SyncsAsync(sync.Next)).IsEmpty, Is.True);

        await Server.RestartAsync();
        Assert.That(
            (await Bob.SyncsAsync(since)).RoomAccountData(Room),
            Has.Count.EqualTo(1),
            "The database tells the same.");
    }

    [TestCase(false, "")]
    [TestCase(true, "")]
    [TestCase(false, "full_state=true")]
    public async Task A_left_and_forgotten_room_is_sent_once_in_leave(bool restarts, string query)
    {
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.LeavesAsync(Room);
        (await Bob.PostAsync($"rooms/{UserActions.Esc(Room)}/forget")).Is(200);
        if (restarts) await Server.RestartAsync();

        var sync = await Bob.SyncsAsync(since, query);

        Assert.That(sync.Left, Is.EqualTo(new[] { Room }));
        Assert.That((await Bob.SyncsAsync(sync.Next, query)).Left, Is.Empty);
        Assert.That((await Bob.SyncsAsync()).Left, Is.Empty);
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task Account_data_of_a_forgotten_room_is_not_sent(bool restarts)
    {
        await Bob.SyncsAsync();
        await Bob.LeavesAsync(Room);
        (await Bob.PostAsync($"rooms/{UserActions.Esc(Room)}/forget")).Is(200);
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.SetsAccountDataAsync("org.example.note", new JsonObject { ["a"] = 1 }, Room);
        if (restarts) await Server.RestartAsync();

        Assert.That((await Bob.SyncsAsync(since)).Left, Is.Empty);
    }

    [Test]
    public async Task An_invite_of_an_ignored_user_is_shown_by_a_fresh_sync_once_they_are_not_ignored()
    {
        await Alice.SetsAccountDataAsync(
            "m.ignored_user_list",
            new JsonObject { ["ignored_users"] = new JsonObject { [Bob.UserId] = new JsonObject() } });
        var before = (await Alice.SyncsAsync()).Next;
        var party = await Bob.CreatesRoomAsync("private_chat");
        await Bob.InvitesAsync(party, Alice);
        var since = (await Alice.SyncsAsync(before)).Next;
        Assert.That((await Alice.SyncsAsync()).Invited, Is.Empty);

        await Alice.SetsAccountDataAsync("m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject(),
        });

        Assert.That((await Alice.SyncsAsync(since)).Invited, Is.Empty, "What was missed is not sent again.");
        Assert.That((await Alice.SyncsAsync()).Invited, Is.EqualTo(new[] { party }));
        Assert.That((await Alice.SyncsAsync(since, "full_state=true")).Invited, Is.EqualTo(new[] { party }));
    }

    [TestCase(false)]
    [TestCase(true)]
    public async Task A_room_never_joined_is_shown_as_the_filter_says(bool after)
    {
        var party = await Alice.CreatesRoomAsync("private_chat");
        await Alice.InvitesAsync(party, Bob);
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.LeavesAsync(party);
        var member = new JsonObject { ["not_types"] = new JsonArray("m.room.member") };
        var room = new JsonObject { ["not_rooms"] = new JsonArray(party) };
        var none = new JsonObject { ["limit"] = 0 };

        Assert.That(await SeenAsync(), Is.EqualTo((1, after ? 1 : 0)));
        foreach (var filter in new[] { member, room, none })
        {
            Assert.That(await SeenAsync(("timeline", filter)), Is.EqualTo((0, 1)), $"{filter}");
        }

        foreach (var filter in new[] { member, room })
        {
            Assert.That(await SeenAsync(("state", filter)), Is.EqualTo((1, 0)), $"{filter}");
            Assert.That(await SeenAsync(("timeline", filter), ("state", filter)), Is.EqualTo((0, 0)), $"{filter}");
        }

        // The ban that follows is all that is new.
        since = (await Bob.SyncsAsync(since)).Next;
        await Alice.BansAsync(party, Bob);
        Assert.That(await SeenAsync(("timeline", member)), Is.EqualTo((0, 1)));

        async Task<(int Timeline, int State)> SeenAsync(params (string Section, JsonObject Filter)[] sections)
        {
            var filter = SyncFilters.Of(
                [.. sections.Select(static each => (each.Section, (JsonObject)each.Filter.DeepClone()))]);
            var sync = await Bob.SyncsAsync(since, after ? "use_state_after=true" : "", filter);
            Assert.That(sync.Left, Is.EqualTo(new[] { party }));
            return (sync.Timeline(party).Count, (after ? sync.StateAfter(party) : sync.State(party)).Count);
        }
    }

    [Test]
    public async Task A_ban_after_a_departure_is_shown_as_the_filter_says()
    {
        await Bob.LeavesAsync(Room);
        var since = (await Bob.SyncsAsync()).Next;
        await Alice.BansAsync(Room, Bob);
        var filter = SyncFilters.Of(("timeline", new JsonObject { ["not_types"] = new JsonArray("m.room.member") }));

        var sync = await Bob.SyncsAsync(since, filter: filter);

        Assert.That(sync.Timeline(Room), Is.Empty);
        Assert.That(
            sync.State(Room).Select(static each => (string?)each["content"]!["membership"]),
            Is.EqualTo(new[] { "ban" }));
    }
}
