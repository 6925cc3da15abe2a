using System.Text.Json.Nodes;
using Matrix.Core.Facade;
using Matrix.Federation.Tests.Outbound;

namespace Matrix.Federation.Tests.Edus;

/// <summary>Presence between servers. Server-Server API, "Presence".</summary>
public sealed class PresenceTests : EduTests
{
    private static readonly (string, string)[] _on =
    [
        ("presence.mode", "on"), ("presence.gather_time", "20ms"), ("presence.change_interval", "1ms"),
        ("presence.join_delay", "20ms"),
    ];

    [SetUp]
    public Task TurnOnAsync() => RestartAsync(_on);

    [Test]
    public async Task Servers_that_share_a_room_get_the_changes_and_others_do_not()
    {
        await using var stranger = await ReceivingPeer.StartAsync();
        Server.Knows(stranger.Peer);
        var dora = await Server.RegistersAsync("dora");
        await stranger.Peer.JoinsAsync(Server, await dora.CreatesRoomAsync(version: "12"), "eve");
        await RoomAsync();
        await SetAsync(Alice, "online", "at work");
        await EventuallyAsync(() => Task.FromResult(LastOf(Alice)), ("online", true, "at work"));
        await SetAsync(Alice, "unavailable");
        await EventuallyAsync(() => Task.FromResult(LastOf(Alice)), ("unavailable", false, null));
        await SetAsync(Alice, "offline");
        await EventuallyAsync(() => Task.FromResult(LastOf(Alice)), ("offline", false, null));

        Assert.That(Updates().Select(each => (long)each["last_active_ago"]!), Is.All.InRange(0, 60_000));
        Assert.That(Updates().Select(each => (string?)each["user_id"]), Is.All.EqualTo(Alice.UserId));
        Assert.That(Taken("m.presence", stranger), Is.Empty);
    }

    [Test]
    public async Task A_server_whose_join_was_missed_gets_the_presence_of_the_rooms_users()
    {
        var roomId = await Alice.CreatesRoomAsync(version: RoomRules.Recommended);
        await SetAsync(Alice, "online", "at work");
        Server.Misses = static _ => true;
        await Peer.Peer.JoinsAsync(Server, roomId, "bob");

        await EventuallyAsync(() => Task.FromResult(LastOf(Alice)), ("online", true, "at work"));
    }

    [Test]
    public async Task A_transaction_with_presence_is_as_specified()
    {
        await RoomAsync();
        await SetAsync(Alice, "online", "at work");
        await HasTakenAsync("m.presence", 1);

        var edu = Peer.Taken.SelectMany(each => each.Body["edus"]!.AsArray())
            .First(edu => (string?)edu!["edu_type"] == "m.presence");
        SpecSchema.Matches(edu!, "definitions/event-schemas/m.presence.yaml");
    }

    [Test]
    public async Task Many_users_go_in_few_EDUs()
    {
        await RestartAsync([.. _on, ("presence.gather_time", "1s"), ("presence.users_of_edu", "5")]);
        var room = await RoomAsync();
        var users = new List<TestUser>();
        for (var n = 0; n < 12; n++)
        {
            users.Add(await Server.RegistersAsync($"user{n}"));
            (await users[n].PostAsync($"join/{PeerRoom.Escape(room.RoomId)}")).Is(200);
        }

        foreach (var user in users) await SetAsync(user, "online");
        await EventuallyAsync(
            () => Task.FromResult(Updates().Select(each => (string)each["user_id"]!).Distinct().Count()), 12);

        Assert.That(Taken("m.presence").Select(edu => edu["push"]!.AsArray().Count), Is.All.InRange(1, 5));
    }

    [Test]
    public async Task A_server_that_joins_gets_who_is_present()
    {
        var carol = await Server.RegistersAsync("carol");
        var roomId = await Alice.CreatesRoomAsync(version: RoomRules.Recommended);
        await carol.JoinsAsync(roomId);
        await SetAsync(Alice, "online", "here already");

        await Peer.Peer.JoinsAsync(Server, roomId, "bob");

        await EventuallyAsync(() => Task.FromResult(LastOf(Alice)), ("online", true, "here already"));
        Assert.That(Updates().Select(each => (string?)each["user_id"]), Does.Not.Contain(carol.UserId));
    }

    [Test]
    public async Task The_servers_of_a_room_get_who_joins_it()
    {
        var room = await RoomAsync();
        var carol = await Server.RegistersAsync("carol");
        await SetAsync(carol, "online", "new");
        await carol.JoinsAsync(room.RoomId);

        await EventuallyAsync(() => Task.FromResult(LastOf(carol)), ("online", true, "new"));
    }

    [Test]
    public async Task A_user_who_stays_is_repeated()
    {
        await RestartAsync([.. _on, ("presence.repeat_after", "1s"), ("presence.offline_after", "1h")]);
        await RoomAsync();
        await SetAsync(Alice, "online");
        await HasTakenAsync("m.presence", 3);
        Assert.That(Updates().Select(each => (string?)each["presence"]), Is.All.EqualTo("online"));
    }

    [Test]
    public async Task Users_of_another_server_are_shown()
    {
        await RoomAsync();
        var since = (string)(await Alice.SyncsAsync())["next_batch"]!;
        await SendAsync("m.presence", Content(Update(Bob, "online", 3000, "over there", isActive: true)));

        var seen = await SeenAsync(since);
        Assert.That(
            ((string?)seen["presence"], (string?)seen["status_msg"], (bool?)seen["currently_active"]),
            Is.EqualTo(("online", "over there", true)));
        Assert.That((long)seen["last_active_ago"]!, Is.InRange(3000, 63_000));
        var asked = (await Alice.GetAsync($"presence/{Bob}/status")).Is(200).Json;
        Assert.That((string?)asked["presence"], Is.EqualTo("online"));

        await SendAsync("m.presence", Content(Update(Bob, "offline", 4000)));
        await EventuallyAsync(StateOfBobAsync, "offline");
        Assert.That(Taken("m.presence").SelectMany(edu => edu["push"]!.AsArray())
            .Select(each => (string?)each!["user_id"]), Does.Not.Contain(Bob), "it is not passed on");
    }

    [Test]
    public async Task Presence_that_came_before_the_join_is_shown_after_it()
    {
        var room = await RoomAsync();
        var carol = $"@carol:{Peer.Peer.Name}";
        await SendAsync("m.presence", Content(Update(carol, "unavailable", 3000, "on the way")));
        (await Alice.GetAsync($"presence/{carol}/status")).Is(403, "M_FORBIDDEN");

        await Peer.Peer.JoinsAsync(Server, room.RoomId, "carol");

        await EventuallyAsync(() => StateAsync(carol), "unavailable");
        var seen = (await Alice.GetAsync($"presence/{carol}/status")).Is(200).Json;
        Assert.That((string?)seen["status_msg"], Is.EqualTo("on the way"));
        Assert.That((long)seen["last_active_ago"]!, Is.GreaterThan(3000));
    }

    [Test]
    public async Task Presence_that_came_before_the_join_is_dropped_if_the_join_does_not_come_soon()
    {
        await RestartAsync([.. _on, ("presence.early_for", "1ms")]);
        var room = await RoomAsync();
        var carol = $"@carol:{Peer.Peer.Name}";
        await SendAsync("m.presence", Content(Update(carol, "online", 3000)));
        await Task.Delay(TimeSpan.FromSeconds(2));

        await Peer.Peer.JoinsAsync(Server, room.RoomId, "carol");

        await Task.Delay(TimeSpan.FromSeconds(2));
        Assert.That(await StateAsync(carol), Is.EqualTo("offline"));
    }

    [Test]
    public async Task A_user_of_whom_no_more_is_heard_goes_offline()
    {
        await RestartAsync([.. _on, ("presence.remote_for", "1s")]);
        await RoomAsync();
        await SendAsync("m.presence", Content(Update(Bob, "online", 0)));
        await EventuallyAsync(StateOfBobAsync, "offline");
    }

    [Test]
    public async Task What_a_server_may_not_send_is_ignored()
    {
        await RoomAsync();
        var (carol, dave) = ($"@carol:{Peer.Peer.Name}", "@dave:elsewhere.example");
        await SendAsync(
            "m.presence",
            Content(Update(Alice.UserId, "unavailable", 1), Update(dave, "online", 1), Update(carol, "online", 1)),
            new JsonObject { ["push"] = new JsonObject() },
            new JsonObject(),
            Content(new JsonObject { ["user_id"] = Bob }),
            Content(new JsonObject { ["user_id"] = Bob, ["presence"] = "dancing", ["last_active_ago"] = 1 }),
            Content(new JsonObject { ["user_id"] = 1, ["presence"] = "online", ["last_active_ago"] = 1 }),
            Content(JsonValue.Create("online")),
            Content(Update("bob", "online", 1)));

        Assert.That(await StateOfBobAsync(), Is.EqualTo("offline"));
        Assert.That(
            (string?)(await Alice.GetAsync($"presence/{Alice.UserId}/status")).Is(200).Json["presence"],
            Is.Not.EqualTo("unavailable"));
        (await Alice.GetAsync($"presence/{carol}/status")).Is(403, "M_FORBIDDEN");
        Assert.That((await Alice.SyncsAsync())["presence"]?["events"]?.AsArray()
            .Select(each => (string?)each!["sender"]) ?? [], Has.None.AnyOf(carol, dave, Bob));
    }

    [Test]
    public async Task What_is_new_or_odd_in_an_update_is_tolerated()
    {
        await RoomAsync();
        var odd = Update(Bob, "online", -7, new string('x', 2000));
        odd["org.example.mood"] = new JsonObject { ["x"] = 1 };
        odd["currently_active"] = "yes";
        await SendAsync("m.presence", Content(JsonValue.Create(7), odd));

        var seen = (await Alice.GetAsync($"presence/{Bob}/status")).Is(200).Json;
        Assert.That(
            ((string?)seen["presence"], (bool?)seen["currently_active"], seen["status_msg"]),
            Is.EqualTo(("online", false, (JsonNode?)null)));
        Assert.That((long)seen["last_active_ago"]!, Is.InRange(0, 60_000));
    }

    [Test]
    public async Task Users_of_one_transaction_are_bounded()
    {
        await RestartAsync([.. _on, ("presence.received_users", "2")]);
        var room = await RoomAsync();
        var far = Enumerable.Range(0, 5).Select(n => $"@far{n}:{Peer.Peer.Name}").ToArray();
        foreach (var user in far[..3])
        {
            await Peer.Peer.JoinsAsync(Server, room.RoomId, user[1..user.IndexOf(':')]);
        }

        await SendAsync(
            "m.presence",
            Content([.. far[..2].Select(user => Update(user, "online", 1))]), Content(Update(far[2], "online", 1)));

        string[] states = await Task.WhenAll(far[..3].Select(StateAsync));
        Assert.That(states, Is.EqualTo(new[] { "online", "online", "offline" }));
    }

    [TestCase("local")]
    [TestCase("off")]
    public async Task Where_it_is_not_exchanged_nothing_goes_out_or_comes_in(string mode)
    {
        await RestartAsync([.. _on, ("presence.mode", mode)]);
        var room = await RoomAsync();
        await SetAsync(Alice, "online");
        await SendAsync("m.presence", Content(Update(Bob, "online", 1)));
        (await Alice.GetAsync($"presence/{Bob}/status")).Is(404, "M_NOT_FOUND");
        var mine = await Alice.GetAsync($"presence/{Alice.UserId}/status");
        if (mode == "local") Assert.That((string?)mine.Is(200).Json["presence"], Is.EqualTo("online"));
        else mine.Is(404, "M_NOT_FOUND");

        // What is sent later has come, so that presence would have come, too.
        await Alice.SaysAsync(room.RoomId, "one");
        await Peer.HasTakenAsync(1);
        await Task.Delay(200);
        Assert.That(Taken("m.presence"), Is.Empty);
    }

    [Test]
    public async Task A_server_that_has_left_gets_none()
    {
        var room = await RoomAsync();
        await Alice.KicksAsync(room.RoomId, Bob);
        await SetAsync(Alice, "online");
        await Task.Delay(300);
        Assert.That(Taken("m.presence"), Is.Empty);
    }

    private static JsonObject Content(params JsonNode?[] updates) => new() { ["push"] = new JsonArray(updates) };

    private static JsonObject Update(
        string userId, string presence, long ago, string? status = null, bool isActive = false)
    {
        var update = new JsonObject
        {
            ["user_id"] = userId,
            ["presence"] = presence,
            ["last_active_ago"] = ago,
            ["currently_active"] = isActive,
        };
        if (status is not null) update["status_msg"] = status;
        return update;
    }

    private static async Task SetAsync(TestUser user, string presence, string? status = null)
    {
        var body = new JsonObject { ["presence"] = presence };
        if (status is not null) body["status_msg"] = status;
        (await user.PutAsync($"presence/{user.UserId}/status", body)).Is(200);
    }

    private async Task<string> StateAsync(string userId) =>
        (string)(await Alice.GetAsync($"presence/{userId}/status")).Is(200).Json["presence"]!;

    private Task<string> StateOfBobAsync() => StateAsync(Bob);

    /// <summary>The presence of Bob in a sync of Alice's.</summary>
    private async Task<JsonObject> SeenAsync(string since)
    {
        JsonObject? seen = null;
        await Until.HoldsAsync(async () =>
        {
            var sync = await Alice.SyncsAsync(since);
            seen = sync["presence"]?["events"]?.AsArray()
                .LastOrDefault(each => (string?)each!["sender"] == Bob)?["content"]?.AsObject();
            return seen is not null;
        });
        return seen!;
    }

    /// <summary>The items that the peer took.</summary>
    private List<JsonObject> Updates() =>
        [.. Taken("m.presence").SelectMany(edu => edu["push"]!.AsArray()).Select(each => each!.AsObject())];

    private (string?, bool, string?) LastOf(TestUser user)
    {
        var last = Updates().LastOrDefault(each => (string?)each["user_id"] == user.UserId);
        return ((string?)last?["presence"], (bool?)last?["currently_active"] ?? false, (string?)last?["status_msg"]);
    }
}
