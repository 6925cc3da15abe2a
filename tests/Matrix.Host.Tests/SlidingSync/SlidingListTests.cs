using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using static Matrix.Host.Tests.SlidingSync.SlidingUsers;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>Lists: windows, order and filters.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class SlidingListTests(string kind) : TwoUsersTests(kind)
{
    [Test]
    public async Task A_window_has_the_latest_rooms_and_a_larger_one_adds_the_others()
    {
        var rooms = new List<string>();
        for (var i = 0; i < 6; i++) rooms.Add(await Alice.CreatesRoomAsync());
        var first = await Alice.SlidesAsync(AllRooms(last: 1));
        Assert.That(first.RoomIds, Is.EquivalentTo(new[] { rooms[5], rooms[4] }));
        Assert.That(first.Count("all"), Is.EqualTo(6));

        await Alice.SaysAsync(rooms[0], "up");
        var next = await Alice.SlidesAsync(AllRooms(last: 1), first.Pos);
        Assert.That(next.RoomIds, Is.EqualTo(new[] { rooms[0] }));
        Assert.That((bool)next.Room(rooms[0])["initial"]!, Is.True);
        Assert.That((int)next.Room(rooms[0])["num_live"]!, Is.EqualTo(1));

        var all = await Alice.SlidesAsync(AllRooms(last: 99), next.Pos);
        Assert.That(all.RoomIds, Is.EquivalentTo(new[] { rooms[1], rooms[2], rooms[3] }));
    }

    [Test]
    public async Task A_window_below_the_top_has_the_room_that_another_pushes_into_it()
    {
        var rooms = new List<string>();
        for (var i = 0; i < 4; i++) rooms.Add(await Alice.CreatesRoomAsync());
        var body = AllRooms();
        body["lists"]!["all"]!["ranges"] = new JsonArray(new JsonArray(1, 1));
        var shown = await Alice.SlidesAsync(body);
        Assert.That(shown.RoomIds, Is.EqualTo(new[] { rooms[2] }));

        await Alice.SaysAsync(rooms[0], "to the top");
        shown = await Alice.SlidesAsync(body, shown.Pos);
        Assert.That(shown.RoomIds, Is.EqualTo(new[] { rooms[3] }));
    }

    [Test]
    public async Task Invites_of_ignored_users_take_no_place_in_lists_until_they_are_shown()
    {
        await Alice.SetsAccountDataAsync("m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject { [Bob.UserId] = new JsonObject() },
        });
        var own = await Alice.CreatesRoomAsync();
        var first = await Alice.SlidesAsync(AllRooms());
        var invites = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            invites.Add(await Bob.CreatesRoomAsync("private_chat"));
            await Bob.InvitesAsync(invites[i], Alice);
        }

        var hidden = await Alice.SlidesAsync(AllRooms(), first.Pos);
        Assert.That((hidden.Count("all"), hidden.RoomIds.Count), Is.EqualTo((1, 0)));
        var anew = await Alice.SlidesAsync(AllRooms(last: 0).Named("new"));
        Assert.That((anew.Count("all"), anew.RoomIds), Is.EqualTo((1, new[] { own })).AsCollection);

        await Alice.SetsAccountDataAsync("m.ignored_user_list", new JsonObject
        {
            ["ignored_users"] = new JsonObject(),
        });
        var shown = await Alice.SlidesAsync(AllRooms(), hidden.Pos);
        Assert.That(shown.Count("all"), Is.EqualTo(4));
        Assert.That(shown.RoomIds, Is.EquivalentTo(invites));
        await Alice.SetsAccountDataAsync(
            "m.invite_permission_config", new JsonObject { ["default_action"] = "block" });
        Assert.That((await Alice.SlidesAsync(AllRooms(), shown.Pos)).Count("all"), Is.EqualTo(1));
    }

    [Test]
    public async Task Many_filters_in_one_request_leave_each_other_alone()
    {
        var room = await Alice.CreatesRoomAsync();
        var lists = new JsonObject();
        for (var i = 0; i < 40; i++)
        {
            lists[$"tag{i}"] = new JsonObject
            {
                ["ranges"] = new JsonArray(new JsonArray(0, 0)),
                ["timeline_limit"] = 1,
                ["required_state"] = new JsonArray(),
                ["filters"] = new JsonObject { ["not_tags"] = new JsonArray($"org.example.{i}") },
            };
        }

        var body = new JsonObject { ["lists"] = lists };
        var shown = await Alice.SlidesAsync(body);
        var rooms = Server.Services.GetRequiredService<Matrix.Host.Sync.Sliding.UserRoomsCache>().Of(Alice.UserId);
        var views = rooms.Views;
        await Alice.SlidesAsync(body, shown.Pos);
        Assert.That(rooms.Views, Is.EqualTo(views).And.Count.EqualTo(40));
        Assert.That(shown.RoomIds, Is.EqualTo(new[] { room }));
    }

    [TestCase(true, TestName = "By_a_message_of_its_own_a_room_comes_back_with_the_receipts_that_it_missed")]
    [TestCase(false, TestName = "By_the_end_of_another_a_room_comes_back_with_the_receipts_that_it_missed")]
    public async Task A_room_that_comes_back_into_the_window_has_what_changed_without_an_event(bool byMessage)
    {
        var (room, other) = (await Alice.CreatesRoomAsync(), await Alice.CreatesRoomAsync());
        await Bob.JoinsAsync(room);
        await Bob.JoinsAsync(other);
        var message = await Alice.SaysAsync(room, "one");
        var body = AllRooms(last: 0).WithExtensions("receipts", "account_data");
        var shown = await Bob.SlidesAsync(body);
        Assert.That((int)shown.Room(room)["notification_count"]!, Is.EqualTo(1));
        await Alice.SaysAsync(other, "above");
        shown = await Bob.SlidesAsync(body, shown.Pos);
        Assert.That(shown.RoomIds, Is.EqualTo(new[] { other }));

        await Bob.ReadsAsync(room, message);
        await Alice.ReadsAsync(room, message);
        await Bob.SetsAccountDataAsync("org.example", new JsonObject { ["a"] = 1 }, room);
        shown = await Bob.SlidesAsync(body, shown.Pos);
        Assert.That(shown.RoomIds, Is.Empty);
        Assert.That(shown.Extensions.ToJsonString(), Does.Not.Contain(room));

        if (byMessage) await Alice.SaysAsync(room, "two");
        else await Bob.LeavesAsync(other);
        shown = await Bob.SlidesAsync(body, shown.Pos);
        Assert.That((int)shown.Room(room)["notification_count"]!, Is.EqualTo(byMessage ? 1 : 0));
        var receipts = shown.Extension("receipts")!["rooms"]![room]!["content"]![message]!["m.read"]!.AsObject();
        Assert.That(receipts.Select(read => read.Key), Is.EquivalentTo(new[] { Alice.UserId, Bob.UserId }));
        Assert.That((string)shown.Extension("account_data")!["rooms"]![room]![0]!["type"]!, Is.EqualTo("org.example"));

        // All of it was sent once.
        await Alice.SaysAsync(room, "three");
        shown = await Bob.SlidesAsync(body, shown.Pos);
        Assert.That(shown.Bodies(room), Is.EqualTo(new[] { "three" }));
        Assert.That(shown.Extensions.ToJsonString(), Does.Not.Contain(room));
    }

    [Test]
    public async Task A_room_outside_the_window_is_sent_with_all_it_missed_when_the_window_grows()
    {
        var rooms = new List<string>();
        for (var i = 0; i < 3; i++) rooms.Add(await Alice.CreatesRoomAsync());
        var first = await Alice.SlidesAsync(AllRooms(last: 2));
        await Alice.SaysAsync(rooms[0], "missed");
        await Alice.SaysAsync(rooms[1], "seen");
        var narrow = await Alice.SlidesAsync(AllRooms(last: 0), first.Pos);
        Assert.That(narrow.RoomIds, Is.EqualTo(new[] { rooms[1] }));
        var wide = await Alice.SlidesAsync(AllRooms(last: 2), narrow.Pos);
        Assert.That(wide.RoomIds, Is.EqualTo(new[] { rooms[0] }));
        Assert.That(wide.Bodies(rooms[0]), Is.EqualTo(new[] { "missed" }));
        Assert.That(wide.Room(rooms[0]).ContainsKey("initial"), Is.False);
    }

    [Test]
    public async Task Ranges_that_overlap_are_one_and_a_room_of_several_lists_gets_the_most_of_each()
    {
        var rooms = new List<string>();
        for (var i = 0; i < 5; i++) rooms.Add(await Alice.CreatesRoomAsync());
        foreach (var room in rooms)
        {
            await Alice.SaysAsync(room, "a");
            await Alice.SaysAsync(room, "b");
        }

        var body = new JsonObject
        {
            ["lists"] = new JsonObject
            {
                ["some"] = new JsonObject
                {
                    ["ranges"] = new JsonArray(new JsonArray(2, 3), new JsonArray(0, 0), new JsonArray(3, 3)),
                    ["timeline_limit"] = 1,
                    ["required_state"] = new JsonArray(new JsonArray("m.room.create", "")),
                },
                ["top"] = new JsonObject
                {
                    ["ranges"] = new JsonArray(new JsonArray(0, 0)),
                    ["timeline_limit"] = 2,
                    ["required_state"] = new JsonArray(new JsonArray("m.room.power_levels", "")),
                },
            },
        };
        var sync = await Alice.SlidesAsync(body);
        Assert.That(sync.RoomIds, Is.EquivalentTo(new[] { rooms[4], rooms[2], rooms[1] }));
        Assert.That(sync.Bodies(rooms[4]), Is.EqualTo(new[] { "a", "b" }));
        Assert.That(sync.State(rooms[4]), Is.EqualTo(new[] { "m.room.create|", "m.room.power_levels|" }));
        Assert.That(sync.Bodies(rooms[2]), Is.EqualTo(new[] { "b" }));
        Assert.That(sync.State(rooms[2]), Is.EqualTo(new[] { "m.room.create|" }));
    }

    [Test]
    public async Task Filters_select_rooms()
    {
        var plain = await Alice.CreatesRoomAsync();
        var space = await Alice.CreatesRoomAsync(with: new JsonObject
        {
            ["creation_content"] = new JsonObject { ["type"] = "m.space" },
        });
        var secret = await Alice.CreatesRoomAsync();
        await Alice.SetsAsync(
            secret, "m.room.encryption", new JsonObject { ["algorithm"] = "m.megolm.v1.aes-sha2" });
        var child = await Alice.CreatesRoomAsync();
        await Alice.SetsAsync(
            space, "m.space.child", new JsonObject { ["via"] = new JsonArray("test.example") }, child);
        var direct = await Alice.CreatesRoomAsync();
        await Alice.SetsAccountDataAsync("m.direct", new JsonObject { [Bob.UserId] = new JsonArray(direct) });
        await TagsAsync(plain);
        var invite = await Bob.CreatesRoomAsync("private_chat");
        await Bob.InvitesAsync(invite, Alice);

        async Task IsAsync(string filter, params string[] rooms)
        {
            var sync = await Alice.SlidesAsync(AllRooms().WithFilter(JsonNode.Parse(filter)!.AsObject()));
            Assert.That(sync.RoomIds, Is.EquivalentTo(rooms), filter);
            Assert.That(sync.Count("all"), Is.EqualTo(rooms.Length), filter);
        }

        await IsAsync("{\"is_dm\":true}", direct);
        await IsAsync("{\"is_dm\":false}", plain, space, secret, child, invite);
        await IsAsync("{\"is_invite\":true}", invite);
        await IsAsync("{\"is_invited\":false}", plain, space, secret, child, direct);
        await IsAsync("{\"is_encrypted\":true}", secret);
        await IsAsync("{\"room_types\":[\"m.space\"]}", space);
        await IsAsync("{\"room_types\":[null,\"m.space\"],\"not_room_types\":[null]}", space);
        await IsAsync("{\"not_room_types\":[\"m.space\"],\"is_invite\":false}", plain, secret, child, direct);
        await IsAsync($"{{\"spaces\":[\"{space}\",\"!none:test.example\"]}}", child);
        await IsAsync("{\"tags\":[\"m.favourite\",\"m.lowpriority\"]}", plain);
        await IsAsync("{\"tags\":[\"m.favourite\"],\"not_tags\":[\"m.favourite\"]}");
    }

    [Test]
    public async Task A_list_follows_what_its_filter_looks_at()
    {
        var room = await Alice.CreatesRoomAsync();
        var secrets = AllRooms().WithFilter(new JsonObject { ["is_encrypted"] = true });
        var favourites = AllRooms().WithFilter(new JsonObject { ["tags"] = new JsonArray("m.favourite") }).Named("b");
        var directs = AllRooms().WithFilter(new JsonObject { ["is_dm"] = true }).Named("c");
        var one = await Alice.SlidesAsync(secrets);
        var two = await Alice.SlidesAsync(favourites);
        var three = await Alice.SlidesAsync(directs);
        Assert.That(one.Rooms.Count + two.Rooms.Count + three.Rooms.Count, Is.Zero);

        await Alice.SetsAsync(room, "m.room.encryption", new JsonObject { ["algorithm"] = "m.megolm.v1.aes-sha2" });
        await TagsAsync(room);
        await Alice.SetsAccountDataAsync("m.direct", new JsonObject { [Bob.UserId] = new JsonArray(room) });
        Assert.That((await Alice.SlidesAsync(secrets, one.Pos)).RoomIds, Is.EqualTo(new[] { room }));
        Assert.That((await Alice.SlidesAsync(favourites, two.Pos)).RoomIds, Is.EqualTo(new[] { room }));
        var direct = await Alice.SlidesAsync(directs, three.Pos);
        Assert.That((bool)direct.Room(room)["is_dm"]!, Is.True);

        await Alice.SetsAccountDataAsync("m.direct", []);
        Assert.That((await Alice.SlidesAsync(directs, direct.Pos)).Count("all"), Is.Zero);
    }

    [Test]
    public async Task Enough_rooms_in_one_response_leave_the_others_to_the_next()
    {
        await Server.RestartAsync(("sync.sliding_rooms", "2"));
        var rooms = new HashSet<string>();
        for (var i = 0; i < 5; i++) rooms.Add(await Alice.CreatesRoomAsync());
        var sync = await Alice.SlidesAsync(AllRooms());
        var seen = sync.RoomIds.ToHashSet();
        for (var i = 0; i < 2; i++)
        {
            Assert.That(sync.Rooms, Has.Count.EqualTo(2));
            sync = await Alice.SlidesAsync(AllRooms(), sync.Pos, 20_000);
            seen.UnionWith(sync.RoomIds);
        }

        Assert.That(seen, Is.EquivalentTo(rooms));
    }

    private async Task TagsAsync(string room) => (await Alice.PutAsync(
        $"user/{UserActions.Esc(Alice.UserId)}/rooms/{UserActions.Esc(room)}/tags/m.favourite")).Is(200);
}
