using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;
using static Matrix.Host.Tests.SlidingSync.SlidingUsers;

namespace Matrix.Host.Tests.SlidingSync;

/// <summary>Extensions of sliding sync.</summary>
internal sealed class SlidingExtensionTests(string kind) : TwoInARoomTests(kind)
{
    private static readonly string[] _ofRooms = ["account_data", "receipts", "typing"];

    [Test]
    public async Task Messages_to_the_device_come_until_they_are_acknowledged()
    {
        await SendAsync("one");
        var body = new JsonObject().WithExtensions("to_device");
        var first = await Bob.SlidesAsync(body);
        Assert.That(Types(first), Is.EqualTo(new[] { "one" }));

        // A new connection without `since`: the first response may be lost.
        first = await Bob.SlidesAsync(body);
        Assert.That(Types(first), Is.EqualTo(new[] { "one" }));

        await SendAsync("two");
        body["extensions"]!["to_device"]!["since"] = (string)first.Extension("to_device")!["next_batch"]!;
        var second = await Bob.SlidesAsync(body, first.Pos);
        Assert.That(Types(second), Is.EqualTo(new[] { "two" }));
        Assert.That(Types(await Bob.SlidesAsync(body, first.Pos)), Is.EqualTo(new[] { "two" }));

        await Server.RestartAsync();
        Assert.That(Types(await Bob.SlidesAsync(new JsonObject().WithExtensions("to_device"))),
            Is.EqualTo(new[] { "two" }));
    }

    [Test]
    public async Task The_next_position_acknowledges_too_and_a_limit_leaves_the_rest()
    {
        for (var i = 0; i < 5; i++) await SendAsync($"m{i}");
        var body = new JsonObject().WithExtensions("to_device");
        body["extensions"]!["to_device"]!["limit"] = 2;
        var seen = new List<string>();
        string? pos = null;
        for (var i = 0; i < 3; i++)
        {
            var sync = await Bob.SlidesAsync(body, pos);
            seen.AddRange(Types(sync));
            pos = sync.Pos;
        }

        Assert.That(seen, Is.EqualTo(new[] { "m0", "m1", "m2", "m3", "m4" }));
        await SendAsync("late");
        Assert.That(Types(await Bob.SlidesAsync(body, pos, 20_000)), Is.EqualTo(new[] { "late" }));
    }

    [Test]
    public async Task A_token_of_a_lost_database_acknowledges_nothing_and_is_replaced()
    {
        await SendAsync("one");
        var body = new JsonObject().WithExtensions("to_device");
        body["extensions"]!["to_device"]!["since"] = "d1_999999999";
        var first = await Bob.SlidesAsync(body);
        Assert.That(Types(first), Is.EqualTo(new[] { "one" }));

        body["extensions"]!["to_device"]!["since"] = (string)first.Extension("to_device")!["next_batch"]!;
        await SendAsync("two");
        Assert.That(Types(await Bob.SlidesAsync(body, first.Pos)), Is.EqualTo(new[] { "two" }));

        body["extensions"]!["to_device"]!["since"] = "x";
        (await Bob.SlidingAsync(body)).Is(400, "M_INVALID_PARAM");
    }

    [Test]
    public async Task A_message_to_the_device_ends_a_wait()
    {
        var body = new JsonObject().Named("encryption").WithExtensions("to_device", "e2ee");
        var first = await Bob.SlidesAsync(body);
        var wait = Bob.SlidesAsync(body, first.Pos, 20_000);
        await SendAsync("wake");
        Assert.That(Types(await wait), Is.EqualTo(new[] { "wake" }));
    }

    [Test]
    public async Task Key_counts_always_come_and_device_lists_when_they_change()
    {
        var body = new JsonObject().Named("encryption").WithExtensions("e2ee");
        var first = await Bob.SlidesAsync(body);
        var e2ee = first.Extension("e2ee")!;
        Assert.That((int)e2ee["device_one_time_keys_count"]!["signed_curve25519"]!, Is.Zero);
        Assert.That(e2ee["device_unused_fallback_key_types"]!.AsArray(), Is.Empty);
        Assert.That(e2ee.ContainsKey("device_lists"), Is.False);

        await Alice.LogsInAsync();
        var carol = await Server.RegistersAsync("carol");
        await carol.JoinsAsync(Room);
        var next = await Bob.SlidesAsync(body, first.Pos, 20_000);
        var changed = Texts(next.Extension("e2ee")!["device_lists"]!["changed"]!);
        if (!changed.Contains(carol.UserId))
        {
            next = await Bob.SlidesAsync(body, next.Pos, 20_000);
            changed = [.. changed, .. Texts(next.Extension("e2ee")!["device_lists"]!["changed"]!)];
        }

        Assert.That(changed, Is.SupersetOf(new[] { Alice.UserId, carol.UserId }));
        await carol.LeavesAsync(Room);
        next = await Bob.SlidesAsync(body, next.Pos);
        Assert.That(Texts(next.Extension("e2ee")!["device_lists"]!["left"]!), Is.EqualTo(new[] { carol.UserId }));
    }

    [Test]
    public async Task Account_data_comes_whole_and_then_as_it_changes()
    {
        await Bob.SetsAccountDataAsync("org.example.a", new JsonObject { ["v"] = 1 });
        await Bob.SetsAccountDataAsync("org.example.r", new JsonObject { ["v"] = 1 }, Room);
        var body = AllRooms().WithExtensions("account_data");
        var first = await Bob.SlidesAsync(body);
        var data = first.Extension("account_data")!;
        Assert.That(data["global"]!.AsArray().Select(e => (string)e!["type"]!),
            Is.EquivalentTo(new[] { "org.example.a", "m.push_rules" }));
        Assert.That((string)data["rooms"]![Room]![0]!["type"]!, Is.EqualTo("org.example.r"));

        await Bob.SetsAccountDataAsync("org.example.b", new JsonObject { ["a"] = 1 });
        await Bob.SetsAccountDataAsync("org.example.s", new JsonObject { ["a"] = 1 }, Room);
        var next = (await Bob.SlidesAsync(body, first.Pos)).Extension("account_data")!;
        Assert.That(next["global"]!.AsArray().Select(e => (string)e!["type"]!), Is.EqualTo(new[] { "org.example.b" }));
        Assert.That(next["rooms"]![Room]!.AsArray().Select(e => (string)e!["type"]!),
            Is.EqualTo(new[] { "org.example.s" }));
    }

    [Test]
    public async Task Receipts_and_typing_come_for_rooms_of_the_response()
    {
        var message = await Alice.SaysAsync(Room, "hello");
        await Alice.ReadsAsync(Room, message);
        await Alice.TypesAsync(Room);
        var body = AllRooms().WithExtensions(_ofRooms);
        var first = await Bob.SlidesAsync(body);
        var content = first.Extension("receipts")!["rooms"]![Room]!["content"]!;
        Assert.That(content[message]!["m.read"]![Alice.UserId], Is.Not.Null);
        Assert.That(Texts(first.Extension("typing")!["rooms"]![Room]!["content"]!["user_ids"]!),
            Is.EqualTo(new[] { Alice.UserId }));

        var second = await Bob.SlidesAsync(body, first.Pos);
        Assert.That(second.Extensions, Is.Empty);
        var wait = Bob.SlidesAsync(body, second.Pos, 20_000);
        await Alice.TypesAsync(Room, typing: false);
        Assert.That(Texts((await wait).Extension("typing")!["rooms"]![Room]!["content"]!["user_ids"]!), Is.Empty);

        await Bob.ReadsAsync(Room, message, type: "m.read.private");
        var alice = await Alice.SlidesAsync(body);
        Assert.That(alice.Extension("receipts")!.ToJsonString(), Does.Not.Contain("m.read.private"));
    }

    [Test]
    public async Task An_extension_can_be_bound_to_lists_and_subscriptions()
    {
        var other = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(other);
        foreach (var room in new[] { Room, other })
        {
            await Bob.SetsAccountDataAsync("org.example", new JsonObject { ["a"] = 1 }, room);
        }

        async Task<IEnumerable<string>> RoomsAsync(JsonArray? lists, JsonArray? rooms)
        {
            var body = new JsonObject().WithSubscription(Room).WithExtensions("account_data");
            body["lists"] = new JsonObject
            {
                ["l"] = new JsonObject { ["ranges"] = new JsonArray(new JsonArray(0, 0)), ["timeline_limit"] = 1 },
            };
            if (lists is not null) body["extensions"]!["account_data"]!["lists"] = lists;
            if (rooms is not null) body["extensions"]!["account_data"]!["rooms"] = rooms;
            return (await Bob.SlidesAsync(body)).Extension("account_data")!["rooms"]!.AsObject().Select(r => r.Key);
        }

        Assert.That(await RoomsAsync(null, null), Is.EquivalentTo(new[] { Room, other }));
        Assert.That(await RoomsAsync([], null), Is.EqualTo(new[] { Room }));
        Assert.That(await RoomsAsync(null, []), Is.EqualTo(new[] { other }));
        Assert.That(await RoomsAsync(["l"], ["*"]), Is.EquivalentTo(new[] { Room, other }));
        Assert.That(await RoomsAsync(["none"], [Room]), Is.EqualTo(new[] { Room }));
        Assert.That(await RoomsAsync(["none"], [other]), Is.Empty);
    }

    /// <summary>The three connections of Element X beside each other, as it opens them.</summary>
    [Test]
    public async Task The_three_connections_of_a_client_work_beside_each_other()
    {
        var list = AllRooms(timeline: 1, state: new JsonArray(
            new JsonArray("m.room.name", ""), new JsonArray("m.room.encryption", ""),
            new JsonArray("m.room.member", "$LAZY"), new JsonArray("m.room.member", "$ME"),
            new JsonArray("m.room.create", ""), new JsonArray("m.room.power_levels", "")))
            .WithFilter(new JsonObject { ["not_room_types"] = new JsonArray("m.space") })
            .WithExtensions(_ofRooms).Named("room-list");
        var encryption = new JsonObject().WithExtensions("to_device", "e2ee").Named("encryption");
        var notification = new JsonObject().WithSubscription(Room, 16, new JsonArray(
            new JsonArray("m.room.member", "$LAZY"))).WithExtensions("account_data").Named("notifications");
        var rooms = await Bob.SlidesAsync(list);
        var keys = await Bob.SlidesAsync(encryption);
        Assert.That(rooms.State(Room), Has.Member($"m.room.member|{Bob.UserId}"));

        var waits = new[] { Bob.SlidesAsync(list, rooms.Pos, 20_000), Bob.SlidesAsync(encryption, keys.Pos, 20_000) };
        var sent = await Alice.SaysAsync(Room, "ping");
        await SendAsync("m.room_key");
        Assert.That((await waits[0]).Bodies(Room), Is.EqualTo(new[] { "ping" }));
        Assert.That(Types(await waits[1]), Is.EqualTo(new[] { "m.room_key" }));
        var shown = await Bob.SlidesAsync(notification);
        Assert.That((string)shown.Events(Room, "timeline")[^1]["event_id"]!, Is.EqualTo(sent));
        Assert.That((await Bob.SlidesAsync(list, (await waits[0]).Pos)).RoomIds, Is.Empty);
    }

    private static string[] Types(SlidingReply reply) =>
        reply.Extension("to_device")?["events"] is JsonArray events
            ? [.. events.Select(e => (string)e!["type"]!)]
            : [];

    private static string[] Texts(JsonNode array) => [.. array.AsArray().Select(n => (string)n!)];

    private async Task SendAsync(string type) => (await Alice.PutAsync(
        $"sendToDevice/{type}/{Guid.NewGuid():N}",
        new JsonObject
        {
            ["messages"] = new JsonObject { [Bob.UserId] = new JsonObject { [Bob.DeviceId] = new JsonObject() } },
        })).Is(200);
}
