using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using static Matrix.Host.Tests.SlidingSync.SlidingUsers;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>Rooms in responses of sliding sync.</summary>
internal sealed class SlidingRoomTests(string kind) : TwoInARoomTests(kind)
{
    [Test]
    public async Task A_room_comes_whole_once_and_then_only_what_is_new()
    {
        await Alice.SetsAsync(Room, "m.room.name", new JsonObject { ["name"] = "Kitchen" });
        await Alice.SaysAsync(Room, "one");
        var first = await Bob.SlidesAsync(AllRooms());
        var room = first.Room(Room);
        Assert.That((bool)room["initial"]!, Is.True);
        Assert.That((string)room["name"]!, Is.EqualTo("Kitchen"));
        Assert.That((int)room["joined_count"]!, Is.EqualTo(2));
        Assert.That((int)room["invited_count"]!, Is.Zero);
        Assert.That((int)room["num_live"]!, Is.Zero);
        Assert.That((int)room["notification_count"]!, Is.EqualTo(1));
        Assert.That(first.Bodies(Room), Is.EqualTo(new[] { "one" }));
        Assert.That(first.State(Room), Has.Member("m.room.name|").And.Member($"m.room.member|{Alice.UserId}"));
        Assert.That(first.Count("all"), Is.EqualTo(1));

        await Alice.SaysAsync(Room, "two");
        var next = await Bob.SlidesAsync(AllRooms(), first.Pos);
        room = next.Room(Room);
        Assert.That(room.ContainsKey("initial") || room.ContainsKey("name"), Is.False, room.ToJsonString());
        Assert.That(room.ContainsKey("required_state"), Is.False, "Alice's membership was sent.");
        Assert.That(next.Bodies(Room), Is.EqualTo(new[] { "two" }));
        Assert.That((int)room["num_live"]!, Is.EqualTo(1));
        Assert.That((bool)room["limited"]!, Is.False);
        Assert.That((long)room["bump_stamp"]!, Is.GreaterThan((long)first.Room(Room)["bump_stamp"]!));

        Assert.That((await Bob.SlidesAsync(AllRooms(), next.Pos)).RoomIds, Is.Empty);
    }

    [Test]
    public async Task A_timeline_that_does_not_fit_is_limited_and_history_begins_before_it()
    {
        for (var i = 0; i < 5; i++) await Alice.SaysAsync(Room, $"m{i}");
        var sync = await Bob.SlidesAsync(AllRooms(timeline: 2));
        Assert.That(sync.Bodies(Room), Is.EqualTo(new[] { "m3", "m4" }));
        Assert.That((bool)sync.Room(Room)["limited"]!, Is.True);
        var page = await Bob.GetAsync(
            $"rooms/{UserActions.Esc(Room)}/messages?dir=b&limit=2&from={sync.Room(Room)["prev_batch"]}");
        Assert.That(
            page.Json["chunk"]!.AsArray().Select(e => (string?)e!["content"]!["body"]),
            Is.EqualTo(new[] { "m2", "m1" }));
    }

    [Test]
    public async Task Pos_is_a_token_of_the_history()
    {
        await Alice.SaysAsync(Room, "before");
        var sync = await Bob.SlidesStablyAsync(AllRoomsStable());
        await Alice.SaysAsync(Room, "after");
        var page = await Bob.GetAsync($"rooms/{UserActions.Esc(Room)}/messages?dir=f&from={sync.Pos}");
        page.Is(200);
        Assert.That((string)page.Json["chunk"]![0]!["content"]!["body"]!, Is.EqualTo("after"));
    }

    [Test]
    public async Task A_longer_timeline_is_sent_at_once()
    {
        for (var i = 0; i < 4; i++) await Alice.SaysAsync(Room, $"m{i}");
        var first = await Bob.SlidesAsync(AllRooms(timeline: 1));
        Assert.That(first.Bodies(Room), Is.EqualTo(new[] { "m3" }));
        var more = await Bob.SlidesAsync(AllRooms(timeline: 1).WithSubscription(Room, 3), first.Pos, 20_000);
        Assert.That(more.Bodies(Room), Is.EqualTo(new[] { "m1", "m2", "m3" }));
        Assert.That((bool)more.Room(Room)["unstable_expanded_timeline"]!, Is.True);
        Assert.That((int)more.Room(Room)["num_live"]!, Is.Zero);

        var stable = await Bob.SlidesStablyAsync(AllRoomsStable(1));
        stable = await Bob.SlidesStablyAsync(AllRoomsStable(3), stable.Pos);
        Assert.That((bool)stable.Room(Room)["expanded_timeline"]!, Is.True);
    }

    [Test]
    public async Task More_required_state_is_sent_and_state_that_was_sent_is_not_sent_again()
    {
        await Alice.SetsAsync(Room, "m.room.topic", new JsonObject { ["topic"] = "Soup" });
        await Alice.SetsAsync(Room, "m.room.name", new JsonObject { ["name"] = "Kitchen" });
        static JsonArray State(params string[] types) =>
            new([.. types.Select(type => (JsonNode)new JsonArray(type, ""))]);
        var first = await Bob.SlidesAsync(AllRooms(timeline: 0, state: State("m.room.name")));
        Assert.That(first.State(Room), Is.EqualTo(new[] { "m.room.name|" }));
        var more = await Bob.SlidesAsync(
            AllRooms(timeline: 0, state: State("m.room.name", "m.room.topic")), first.Pos);
        Assert.That(more.State(Room), Is.EqualTo(new[] { "m.room.topic|" }));
    }

    [Test]
    public async Task Wildcards_me_and_lazy_select_state()
    {
        async Task<IReadOnlyList<string>> StateAsync(params JsonArray[] pairs) =>
            (await Bob.SlidesAsync(AllRooms(timeline: 1, state: new JsonArray([.. pairs])))).State(Room);
        var alice = $"m.room.member|{Alice.UserId}";
        var bob = $"m.room.member|{Bob.UserId}";
        await Alice.SaysAsync(Room, "last");

        Assert.That(await StateAsync(["m.room.member", "$ME"]), Is.EqualTo(new[] { bob }));
        Assert.That(await StateAsync(["m.room.member", "$LAZY"]), Is.EqualTo(new[] { alice }));
        Assert.That(await StateAsync(["m.room.member", "*"]), Is.EqualTo(new[] { alice, bob }));
        Assert.That(await StateAsync(["*", Bob.UserId]), Is.EqualTo(new[] { bob }));
        Assert.That(
            await StateAsync(["*", "*"]), Has.Member("m.room.create|").And.Member(alice).And.Member(bob));
        Assert.That(
            await StateAsync(["*", "*"], ["m.room.member", "$LAZY"]),
            Has.Member("m.room.create|").And.Member(alice).And.No.Member(bob));
        Assert.That(await StateAsync(["*", ""]), Has.Member("m.room.create|").And.No.Member(alice));
    }

    [Test]
    public async Task The_merged_format_excludes_state_and_loads_members_lazily()
    {
        var body = AllRoomsStable(1);
        body["lists"]!["all"]!["required_state"] = new JsonObject
        {
            ["include"] = new JsonArray(new JsonObject()),
            ["exclude"] = new JsonArray(new JsonObject { ["type"] = "m.room.create" }),
            ["lazy_members"] = true,
        };
        await Alice.SaysAsync(Room, "last");
        var sync = await Bob.SlidesStablyAsync(body);
        Assert.That(sync.State(Room), Has.Member("m.room.power_levels|").And.No.Member("m.room.create|"));
        Assert.That(
            sync.State(Room).Where(state => state.StartsWith("m.room.member", StringComparison.Ordinal)),
            Is.EqualTo(new[] { $"m.room.member|{Alice.UserId}" }));
        Assert.That((string)sync.Room(Room)["membership"]!, Is.EqualTo("join"));
        Assert.That((string)sync.Room(Room)["lists"]![0]!, Is.EqualTo("all"));
        Assert.That(sync.Room(Room).ContainsKey("notification_count"), Is.False);
    }

    [Test]
    public async Task A_room_without_a_name_has_heroes_until_it_gets_one_and_again_when_the_name_goes()
    {
        var first = await Bob.SlidesAsync(AllRooms());
        Assert.That(first.Room(Room)["heroes"]!.AsArray().Select(h => (string)h!["user_id"]!),
            Is.EqualTo(new[] { Alice.UserId }));
        await Alice.SetsAsync(Room, "m.room.name", new JsonObject { ["name"] = "Kitchen" });
        await Alice.SetsAsync(Room, "m.room.avatar", new JsonObject { ["url"] = "mxc://test.example/a" });
        var named = await Bob.SlidesAsync(AllRooms(), first.Pos);
        Assert.That((string)named.Room(Room)["name"]!, Is.EqualTo("Kitchen"));
        Assert.That((string)named.Room(Room)["avatar"]!, Is.EqualTo("mxc://test.example/a"));
        Assert.That(named.Room(Room).ContainsKey("heroes"), Is.False);

        await Alice.SetsAsync(Room, "m.room.name", []);
        await Alice.SetsAsync(Room, "m.room.avatar", []);
        var unnamed = (await Bob.SlidesAsync(AllRooms(), named.Pos)).Room(Room);
        Assert.That(unnamed.ContainsKey("name") && unnamed["name"] is null, Is.True);
        Assert.That(unnamed.ContainsKey("avatar") && unnamed["avatar"] is null, Is.True);
        Assert.That(unnamed["heroes"]!.AsArray(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task An_invite_comes_as_stripped_state_and_a_join_makes_the_room_a_new_one()
    {
        var room = await Alice.CreatesRoomAsync("private_chat");
        var first = await Bob.SlidesAsync(AllRooms());
        await Alice.InvitesAsync(room, Bob);
        var invited = await Bob.SlidesAsync(AllRooms(), first.Pos);
        Assert.That(invited.Events(room, "invite_state").Select(e => (string)e["type"]!),
            Has.Member("m.room.create").And.Member("m.room.member"));
        Assert.That(invited.Room(room).ContainsKey("timeline"), Is.False);
        Assert.That((await Bob.SlidesAsync(AllRooms(), invited.Pos)).RoomIds, Is.Empty);

        await Bob.JoinsAsync(room);
        var joined = await Bob.SlidesAsync(AllRooms(), invited.Pos);
        Assert.That((bool)joined.Room(room)["initial"]!, Is.True);
        Assert.That(joined.Room(room).ContainsKey("invite_state"), Is.False);

        var stable = await Bob.SlidesStablyAsync(AllRoomsStable());
        var another = await Alice.CreatesRoomAsync("private_chat");
        await Alice.InvitesAsync(another, Bob);
        stable = await Bob.SlidesStablyAsync(AllRoomsStable(), stable.Pos);
        Assert.That(stable.Events(another, "stripped_state"), Is.Not.Empty);
        Assert.That((string)stable.Room(another)["membership"]!, Is.EqualTo("invite"));
    }

    [Test]
    public async Task A_declined_invite_and_a_knock_reach_the_client()
    {
        var room = await Alice.CreatesRoomAsync("private_chat");
        await Alice.InvitesAsync(room, Bob);
        var first = await Bob.SlidesStablyAsync(AllRoomsStable());
        await Bob.LeavesAsync(room);
        var declined = await Bob.SlidesStablyAsync(AllRoomsStable(), first.Pos);
        Assert.That((string)declined.Room(room)["membership"]!, Is.EqualTo("leave"));
        Assert.That(declined.Events(room, "timeline"), Has.Count.EqualTo(1));

        var door = await Alice.CreatesRoomAsync(with: new JsonObject
        {
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.join_rules",
                ["state_key"] = "",
                ["content"] = new JsonObject { ["join_rule"] = "knock" },
            }),
        });
        (await Bob.PostAsync($"knock/{UserActions.Esc(door)}")).Is(200);
        var knocking = await Bob.SlidesStablyAsync(AllRoomsStable(), declined.Pos);
        Assert.That((string)knocking.Room(door)["membership"]!, Is.EqualTo("knock"));
        Assert.That(knocking.Events(door, "stripped_state"), Is.Not.Empty);
    }

    [Test]
    public async Task A_kick_is_shown_to_everyone_and_a_leave_only_to_connections_that_have_the_room()
    {
        var first = await Bob.SlidesAsync(AllRooms());
        await Bob.LeavesAsync(Room);
        await Alice.SaysAsync(Room, "unheard");
        var left = await Bob.SlidesAsync(AllRooms(), first.Pos);
        Assert.That((string)left.Events(Room, "timeline")[^1]["content"]!["membership"]!, Is.EqualTo("leave"));
        Assert.That(left.Bodies(Room), Is.Empty);
        Assert.That((await Bob.SlidesAsync(AllRooms(), left.Pos)).RoomIds, Is.Empty);
        Assert.That((await Bob.SlidesAsync(AllRooms().Named("new"))).RoomIds, Is.Empty);

        await Bob.JoinsAsync(Room);
        var again = await Bob.SlidesAsync(AllRooms(), left.Pos);
        Assert.That((bool)again.Room(Room)["initial"]!, Is.True);
        await Alice.KicksAsync(Room, Bob);
        Assert.That((await Bob.SlidesAsync(AllRooms(), again.Pos)).RoomIds, Is.EqualTo(new[] { Room }));
        Assert.That((await Bob.SlidesAsync(AllRooms().Named("new"))).RoomIds, Is.EqualTo(new[] { Room }));

        (await Bob.PostAsync($"rooms/{UserActions.Esc(Room)}/forget")).Is(200);
        Assert.That((await Bob.SlidesAsync(AllRooms().Named("new"))).RoomIds, Is.Empty);
    }

    [Test]
    public async Task A_room_that_was_left_always_comes_with_the_departure()
    {
        var first = await Bob.SlidesAsync(AllRooms());
        await Alice.KicksAsync(Room, Bob);
        var kicked = await Bob.SlidesAsync(AllRooms(), first.Pos);
        Assert.That((string)kicked.Events(Room, "timeline")[^1]["content"]!["membership"]!, Is.EqualTo("leave"));

        // Nothing happened, but the client asks for more.
        var more = await Bob.SlidesAsync(
            AllRooms(state: new JsonArray(new JsonArray("m.room.create", ""))), kicked.Pos);

        Assert.That(more.Events(Room, "timeline"), Is.Empty);
        var own = more.Events(Room, "required_state").Single(each => (string?)each["state_key"] == Bob.UserId);
        Assert.That((string)own["content"]!["membership"]!, Is.EqualTo("leave"));
    }

    [Test]
    public async Task A_redaction_is_a_part_of_the_timeline()
    {
        var name = await Alice.SetsAsync(Room, "m.room.name", new JsonObject { ["name"] = "Wrong" });
        var first = await Bob.SlidesAsync(AllRooms());
        await Alice.PutAsync($"rooms/{UserActions.Esc(Room)}/redact/{UserActions.Esc(name)}/r1");
        var next = await Bob.SlidesAsync(AllRooms(), first.Pos);
        Assert.That((string)next.Events(Room, "timeline")[^1]["type"]!, Is.EqualTo("m.room.redaction"));
    }

    [Test]
    public async Task Nobody_gets_another_users_room_by_subscribing_to_it()
    {
        var room = await Alice.CreatesRoomAsync("private_chat");
        var sync = await Bob.SlidesAsync(AllRooms().WithSubscription(room).WithSubscription("!none:test.example"));
        Assert.That(sync.RoomIds, Is.EqualTo(new[] { Room }));
    }

    [Test]
    public async Task Own_reading_changes_the_counts()
    {
        var message = await Alice.SaysAsync(Room, "read me");
        var first = await Bob.SlidesAsync(AllRooms());
        Assert.That((int)first.Room(Room)["notification_count"]!, Is.EqualTo(1));
        await Bob.ReadsAsync(Room, message);
        var read = await Bob.SlidesAsync(AllRooms(), first.Pos);
        Assert.That((int)read.Room(Room)["notification_count"]!, Is.Zero);
        Assert.That(read.Room(Room).ContainsKey("timeline"), Is.False);
    }

    [Test]
    public async Task Counts_come_alone_only_if_they_changed()
    {
        var said = await Alice.SaysAsync(Room, "one");
        var pos = (await Bob.SlidesAsync(AllRooms())).Pos;
        await Bob.ReadsAsync(Room, said);
        pos = (await Bob.SlidesAsync(AllRooms(), pos)).Pos;

        await NothingComesAsync(AllRooms(), () => Bob.ReadsAsync(Room, said));
        await NothingComesAsync(AllRooms(), () => Alice.ReadsAsync(Room, said));
        await NothingComesAsync(AllRooms(), () => Bob.PutAsync(
            $"user/{Bob.UserId}/rooms/{Room}/tags/u.work", new JsonObject()));
        await NothingComesAsync(AllRooms(), () => Bob.PostAsync(
            $"rooms/{Room}/read_markers", new JsonObject { ["m.fully_read"] = said }));
        await NothingComesAsync(
            AllRooms(state: new JsonArray(new JsonArray("org.example.none", "*"))), () => Task.CompletedTask);
        await NothingComesAsync(AllRooms(), () => Task.CompletedTask);

        async Task NothingComesAsync(JsonObject request, Func<Task> happens)
        {
            await happens();
            var sync = await Bob.SlidesAsync(request, pos);
            Assert.That(sync.RoomIds, Is.Empty, sync.RoomIds.Any() ? sync.Room(Room).ToJsonString() : "");
            pos = sync.Pos;
        }
    }
}
