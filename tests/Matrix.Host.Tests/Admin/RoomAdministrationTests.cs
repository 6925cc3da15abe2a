using System.Text.Json.Nodes;

namespace Matrix.Host.Tests.Admin;

/// <summary>Rooms in the administration API.</summary>
public sealed class RoomAdministrationTests : AdminTests
{
    private static readonly string[] _listed =
    [
        "room_id", "name", "canonical_alias", "joined_members", "joined_local_members", "version", "creator",
        "encryption", "federatable", "public", "join_rules", "guest_access", "history_visibility", "state_events",
        "room_type",
    ];

    [Test]
    public async Task Rooms_are_found_by_part_of_their_name_and_paged()
    {
        foreach (var name in (string[])["Teapot b", "Teapot a", "Teapot c"]) await CreatesRoomAsync(Alice, name);
        var first = (await Root.GetAsync(V1 + "rooms?search_term=teapot&limit=2")).Is(200).Json;
        var second = (await Root.GetAsync(
            $"{V1}rooms?search_term=teapot&limit=2&from={first["next_batch"]}")).Is(200).Json;

        Assert.That(Names(first["rooms"]![0]), Is.EqualTo(_listed));
        Assert.That(
            first["rooms"]!.AsArray().Concat(second["rooms"]!.AsArray()).Select(room => (string?)room!["name"]),
            Is.EqualTo(new[] { "Teapot a", "Teapot b", "Teapot c" }));
        Assert.That(
            ((int)first["total_rooms"]!, (int)second["offset"]!, second["next_batch"], (int)second["prev_batch"]!),
            Is.EqualTo((3, 2, (JsonNode?)null, 0)));
    }

    [TestCase("canonical_alias")]
    [TestCase("joined_members")]
    [TestCase("joined_local_members")]
    [TestCase("version")]
    [TestCase("creator")]
    [TestCase("encryption")]
    [TestCase("federatable")]
    [TestCase("public")]
    [TestCase("join_rules")]
    [TestCase("guest_access")]
    [TestCase("history_visibility")]
    [TestCase("state_events")]
    [TestCase("size")]
    public async Task Every_order_lists_every_room_once(string order)
    {
        await CreatesRoomAsync(Alice, "Ordered");
        var all = (await Root.GetAsync($"{V1}rooms?order_by={order}&dir=b")).Is(200).Json;
        Assert.That(all["rooms"]!.AsArray().Select(room => (string?)room!["room_id"]), Is.Unique);
        Assert.That(all["rooms"]!.AsArray(), Has.Count.EqualTo((int)all["total_rooms"]!).And.Not.Empty);
    }

    [Test]
    public async Task A_room_has_details_members_state_and_extremities()
    {
        var room = await CreatesRoomAsync(Alice, "Known", "private_chat");
        var details = (await Root.GetAsync($"{V1}rooms/{room}")).Is(200).Json;
        Assert.That(Names(details), Is.EqualTo(_listed.Concat(
            ["avatar", "topic", "joined_local_devices", "forgotten", "tombstoned", "replacement_room"])));
        Assert.That(
            ((string?)details["creator"], (string?)details["join_rules"], (int)details["joined_local_devices"]!),
            Is.EqualTo((Alice.UserId, "invite", 1)));

        Assert.That(
            (await Root.GetAsync($"{V1}rooms/{room}/members")).Is(200).Text,
            Is.EqualTo($$"""{"members":["{{Alice.UserId}}"],"total":1}"""));
        var names = (await Root.GetAsync($"{V1}rooms/{room}/state?type=m.room.name")).Is(200).Json["state"]!;
        Assert.That((string?)names.AsArray().Single()!["content"]!["name"], Is.EqualTo("Known"));
        var whole = (await Root.GetAsync($"{V1}rooms/{room}/state")).Is(200).Json["state"]!;
        Assert.That(whole.AsArray(), Has.Count.EqualTo((int)details["state_events"]!));

        var sent = await SendsAsync(Alice, room, "last");
        var ends = (await Root.GetAsync($"{V1}rooms/{room}/forward_extremities")).Is(200).Json;
        Assert.That(
            ((int)ends["count"]!, (string?)ends["results"]![0]!["event_id"]), Is.EqualTo((1, sent)));
        foreach (var part in (string[])["", "/members", "/state", "/forward_extremities"])
        {
            (await Root.GetAsync($"{V1}rooms/!none:test.example{part}")).Is(404, "M_NOT_FOUND");
        }
    }

    [Test]
    public async Task An_administrator_reads_a_room_that_they_are_not_in()
    {
        var room = await CreatesRoomAsync(Alice, "Closed", "private_chat");
        (await Alice.PutAsync(
            $"rooms/{room}/state/m.room.history_visibility/",
            new JsonObject { ["history_visibility"] = "joined" })).Is(200);
        var sent = await SendsAsync(Alice, room, "secret");

        var page = (await Root.GetAsync($"{V1}rooms/{room}/messages?dir=b&limit=1")).Is(200).Json;
        var around = (await Root.GetAsync($"{V1}rooms/{room}/context/{sent}")).Is(200).Json;
        var found = (await Root.GetAsync($"{V1}rooms/{room}/timestamp_to_event?ts=0&dir=f")).Is(200);
        Assert.That((string?)page["chunk"]![0]!["content"]!["body"], Is.EqualTo("secret"));
        Assert.That((string?)around["event"]!["event_id"], Is.EqualTo(sent));
        Assert.That(found.Member("event_id"), Does.StartWith("$"));
        (await Root.GetAsync($"rooms/{room}/messages?dir=b")).Is(403, "M_FORBIDDEN");
        (await Root.GetAsync($"{V1}rooms/!none:test.example/messages")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_blocked_room_takes_no_joins_and_no_invites()
    {
        var bob = await Server.RegistersAsync("bob-of-blocks");
        var room = await CreatesRoomAsync(Alice, "Blocked");
        Assert.That(
            (await Root.PutAsync($"{V1}rooms/{room}/block", new JsonObject { ["block"] = true })).Is(200).Text,
            Is.EqualTo("""{"block":true}"""));
        Assert.That(
            (await Root.GetAsync($"{V1}rooms/{room}/block")).Is(200).Text,
            Is.EqualTo($$"""{"block":true,"user_id":"{{Root.UserId}}"}"""));
        (await bob.PostAsync($"rooms/{room}/join")).Is(403, "M_FORBIDDEN");
        (await Alice.PostAsync($"rooms/{room}/invite", new JsonObject { ["user_id"] = bob.UserId }))
            .Is(403, "M_FORBIDDEN");
        await SendsAsync(Alice, room, "members stay");
        (await Alice.PutAsync(
            $"rooms/{room}/state/m.room.join_rules", new JsonObject { ["join_rule"] = "knock" })).Is(200);
        var knock = new JsonObject { ["membership"] = "knock" };
        (await bob.PutAsync($"rooms/{room}/state/m.room.member/{bob.UserId}", knock)).Is(403, "M_FORBIDDEN");
        (await Alice.PutAsync(
            $"rooms/{room}/state/m.room.join_rules", new JsonObject { ["join_rule"] = "public" })).Is(200);

        (await Root.PutAsync($"{V1}rooms/{room}/block", new JsonObject { ["block"] = false })).Is(200);
        (await bob.PostAsync($"rooms/{room}/join")).Is(200);
        (await Root.PutAsync($"{V1}rooms/{room}/block", new JsonObject { ["block"] = 1 })).Is(400, "M_BAD_JSON");
        Assert.That(await AuditOfAsync(room), Is.EqualTo(new[] { "room.unblock: done", "room.block: done" }));
    }

    [TestCase("public_chat")]
    [TestCase("private_chat")]
    public async Task A_user_gets_the_power_of_the_rooms_strongest_local_member(string preset)
    {
        var carol = await Server.RegistersAsync($"carol-{preset}".Replace('_', '-'));
        var room = await CreatesRoomAsync(Alice, "Powers", preset);
        (await Root.PostAsync(
            $"{V1}rooms/{room}/make_room_admin", new JsonObject { ["user_id"] = carol.UserId })).Is(200);
        (await carol.PostAsync($"rooms/{room}/join")).Is(200);
        (await carol.PutAsync($"rooms/{room}/state/m.room.name/", new JsonObject { ["name"] = "Carol's" })).Is(200);

        (await Root.PostAsync(
            $"{V1}rooms/!none:test.example/make_room_admin", new JsonObject { ["user_id"] = carol.UserId }))
            .Is(404, "M_NOT_FOUND");
        (await Root.PostAsync(
            $"{V1}rooms/{room}/make_room_admin", new JsonObject { ["user_id"] = "carol" })).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task A_user_is_joined_to_a_room()
    {
        var dave = await Server.RegistersAsync("dave");
        var open = await CreatesRoomAsync(Alice, "Open");
        var closed = await CreatesRoomAsync(Root, "Of root", "private_chat");
        var others = await CreatesRoomAsync(Alice, "Of alice", "private_chat");
        var body = new JsonObject { ["user_id"] = dave.UserId };

        var joined = await Root.PostAsync($"{V1}join/{open}", body.DeepClone());
        Assert.That(joined.Is(200).Member("room_id"), Is.EqualTo(open));
        (await Root.PostAsync($"{V1}join/{closed}", body.DeepClone())).Is(200);
        (await Root.PostAsync($"{V1}join/{others}", body.DeepClone())).Is(403, "M_FORBIDDEN");
        (await Root.PostAsync($"{V1}join/{open}")).Is(400, "M_BAD_JSON");
        (await Root.PostAsync(
            $"{V1}join/{open}", new JsonObject { ["user_id"] = "@x:other.example" })).Is(400, "M_INVALID_PARAM");
        Assert.That(await AuditOfAsync($"{open} {dave.UserId}"), Is.EqualTo(new[] { "room.join: done" }));
    }

    private static async Task<string> SendsAsync(TestUser user, string room, string text) =>
        (await user.PutAsync(
            $"rooms/{room}/send/m.room.message/{Guid.NewGuid():N}",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = text })).Is(200).Member("event_id");
}
