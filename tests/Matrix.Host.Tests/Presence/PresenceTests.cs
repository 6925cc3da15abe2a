using System.Text.Json.Nodes;
using Matrix.Core.Presence;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Presence;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Users.Presence;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Presence;

/// <summary>Presence as clients set and see it. Client-Server API, "Presence".</summary>
internal sealed class PresenceTests
{
    private static readonly (string, string)[] _quick =
    [
        ("presence.mode", "on"), ("presence.gather_time", "1ms"), ("presence.change_interval", "1ms"),
    ];

    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private TestUser _carol = null!;
    private string _room = null!;

    [SetUp]
    public Task SetUp() => StartAsync();

    [TearDown]
    public async Task TearDown() => await _server.DisposeAsync();

    [Test]
    public async Task Others_in_a_room_see_the_state_and_the_message()
    {
        var since = (await _alice.SyncsAsync()).Next;
        await SetsAsync(_bob, "online", "in a meeting");
        (var content, since) = await SeesAsync(_alice, since, "online");
        Assert.That((string?)content["status_msg"], Is.EqualTo("in a meeting"));
        Assert.That((bool)content["currently_active"]!, Is.True);
        Assert.That((long)content["last_active_ago"]!, Is.InRange(0, 60_000));

        await SetsAsync(_bob, "unavailable", "lunch");
        (content, since) = await SeesAsync(_alice, since, "unavailable");
        Assert.That((string?)content["status_msg"], Is.EqualTo("lunch"));
        Assert.That(content.ContainsKey("currently_active"), Is.False, "it belongs to online");

        await SetsAsync(_bob, "offline");
        (content, _) = await SeesAsync(_alice, since, "offline");
        Assert.That(content.ContainsKey("status_msg"), Is.False, "the message belonged to the last state");
    }

    [Test]
    public async Task Users_without_a_common_room_see_nothing()
    {
        var since = (await _alice.SyncsAsync()).Next;
        var stranger = (await _carol.SyncsAsync()).Next;
        await SetsAsync(_bob, "online");
        await SeesAsync(_alice, since, "online");

        Assert.That((await _carol.SyncsAsync(stranger)).Presence, Is.Empty);
        Assert.That((await _carol.SyncsAsync()).Presence, Is.Empty);
        (await _carol.GetAsync(PathOf(_bob.UserId))).Is(403, "M_FORBIDDEN");
        (await _carol.GetAsync(PathOf("@nobody:test.example"))).Is(403, "M_FORBIDDEN");
        (await _bob.GetAsync(PathOf(_carol.UserId))).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_user_who_left_sees_nothing_by_an_older_token_either()
    {
        var since = (await _alice.SyncsAsync()).Next;
        await SetsAsync(_bob, "online");
        await SeesAsync(_alice, since, "online");
        (await _alice.PostAsync($"rooms/{_room}/leave")).Is(200);

        Assert.That((await _alice.SyncsAsync(since)).Presence, Is.Empty);
    }

    [Test]
    public async Task It_is_read_by_request()
    {
        await SetsAsync(_bob, "online", "here");
        foreach (var user in new[] { _alice, _bob })
        {
            var seen = (await user.GetAsync(PathOf(_bob.UserId))).Json;
            Assert.That(
                ((string?)seen["presence"], (string?)seen["status_msg"], (bool?)seen["currently_active"]),
                Is.EqualTo(("online", "here", true)));
            Assert.That((long)seen["last_active_ago"]!, Is.InRange(0, 60_000));
        }

        var unseen = (await _bob.GetAsync(PathOf(_alice.UserId))).Json;
        Assert.That(unseen.ToJsonString(), Is.EqualTo("""{"presence":"offline"}"""));
    }

    [Test]
    public async Task Wrong_requests_are_refused()
    {
        var online = new JsonObject { ["presence"] = "online" };
        (await _server.Anyone.PutAsync(PathOf(_bob.UserId), online)).Is(401, "M_MISSING_TOKEN");
        (await _server.Anyone.GetAsync(PathOf(_bob.UserId))).Is(401, "M_MISSING_TOKEN");
        (await _alice.PutAsync(PathOf(_bob.UserId), online)).Is(403, "M_FORBIDDEN");
        (await _bob.PutAsync(PathOf("bob"), online)).Is(400, "M_INVALID_PARAM");
        (await _bob.PutAsync(PathOf(_bob.UserId))).Is(400, "M_BAD_JSON");
        (await _bob.PutAsync(PathOf(_bob.UserId), new JsonObject { ["presence"] = 1 })).Is(400, "M_BAD_JSON");
        (await _bob.PutAsync(PathOf(_bob.UserId), new JsonObject { ["presence"] = "asleep" }))
            .Is(400, "M_INVALID_PARAM");
        (await _bob.PutAsync(PathOf(_bob.UserId), new JsonObject { ["presence"] = "online", ["status_msg"] = 1 }))
            .Is(400, "M_BAD_JSON");
        (await _bob.PutAsync(
            PathOf(_bob.UserId),
            new JsonObject { ["presence"] = "online", ["status_msg"] = new string('x', 513) })).Is(413, "M_TOO_LARGE");
        Assert.That(await StateAsync(_bob), Is.EqualTo("offline"));
    }

    [Test]
    public async Task A_sync_marks_its_device_as_its_query_says()
    {
        await _bob.SyncsAsync(query: "set_presence=offline");
        Assert.That(await StateAsync(_bob), Is.EqualTo("offline"));
        await _bob.SyncsAsync(query: "set_presence=unavailable");
        Assert.That(await StateAsync(_bob), Is.EqualTo("unavailable"));
        await _bob.SyncsAsync();
        Assert.That(await StateAsync(_bob), Is.EqualTo("online"));
        await _bob.SyncsAsync(query: "set_presence=unavailable");
        Assert.That(await StateAsync(_bob), Is.EqualTo("unavailable"));
    }

    [Test]
    public async Task The_most_present_device_counts()
    {
        var phone = await _bob.LogsInAsync();
        await SetsAsync(phone, "online");
        await SetsAsync(_bob, "unavailable");
        Assert.That(await StateAsync(_bob), Is.EqualTo("online"));
        await SetsAsync(phone, "offline");
        Assert.That(await StateAsync(_bob), Is.EqualTo("unavailable"));
        await SetsAsync(_bob, "offline");
        Assert.That(await StateAsync(_bob), Is.EqualTo("offline"));
    }

    [Test]
    public async Task Idle_users_become_unavailable_and_leave_by_time()
    {
        await RestartedAsync(
            ("presence.active_for", "1s"), ("presence.idle_after", "2s"), ("presence.offline_after", "4s"));
        var since = (await _alice.SyncsAsync(query: "set_presence=offline")).Next;
        await SetsAsync(_bob, "online");

        var seen = new List<string>();
        while (seen.LastOrDefault() != "offline")
        {
            var sync = await _alice.SyncsAsync(since, "timeout=20000&set_presence=offline");
            since = sync.Next;
            seen.AddRange(SeenOf(_bob, sync).Select(
                each => (string)each["presence"]! + ((bool?)each["currently_active"] == true ? ", active" : "")));
        }

        Assert.That(seen, Is.EqualTo(new[] { "online, active", "online", "unavailable", "offline" }));
    }

    [Test]
    public async Task An_activity_makes_an_unavailable_user_online()
    {
        var since = (await _alice.SyncsAsync()).Next;
        await SetsAsync(_bob, "unavailable");
        (_, since) = await SeesAsync(_alice, since, "unavailable");
        var said = await _bob.SaysAsync(_room, "back");
        (_, since) = await SeesAsync(_alice, since, "online");

        await SetsAsync(_bob, "unavailable");
        (_, since) = await SeesAsync(_alice, since, "unavailable");
        await _bob.ReadsAsync(_room, said, type: "m.read.private");
        Assert.That(await StateAsync(_bob), Is.EqualTo("unavailable"));
        await _bob.ReadsAsync(_room, said);
        (_, since) = await SeesAsync(_alice, since, "online");

        await SetsAsync(_bob, "unavailable");
        (_, since) = await SeesAsync(_alice, since, "unavailable");
        await _bob.TypesAsync(_room);
        await SeesAsync(_alice, since, "online");
    }

    [Test]
    public async Task A_hidden_user_stays_hidden()
    {
        await SetsAsync(_bob, "offline");
        await _bob.SaysAsync(_room, "nobody sees me");
        Assert.That(await StateAsync(_bob), Is.EqualTo("offline"));
    }

    [Test]
    public async Task Filters_and_ignored_users_are_heeded()
    {
        await _carol.JoinsAsync(_room);
        var ignored = new JsonObject { [_bob.UserId] = new JsonObject() };
        await _carol.SetsAccountDataAsync("m.ignored_user_list", new JsonObject { ["ignored_users"] = ignored });
        var (alice, carol) = ((await _alice.SyncsAsync()).Next, (await _carol.SyncsAsync()).Next);
        await SetsAsync(_bob, "online");
        await SeesAsync(_alice, alice, "online");

        Assert.That(SeenOf(_bob, await _carol.SyncsAsync(carol)), Is.Empty);
        Assert.That(SeenOf(_bob, await _carol.SyncsAsync()), Is.Empty);
        foreach (var filter in new[]
        {
            """{"presence":{"not_types":["m.presence"]}}""",
            """{"presence":{"types":["m.other"]}}""",
            $$$"""{"presence":{"not_senders":["{{{_bob.UserId}}}"]}}""",
            $$$"""{"presence":{"senders":["{{{_carol.UserId}}}"]}}""",
            """{"presence":{"limit":0}}""",
        })
        {
            var sync = await _alice.SyncsAsync(alice, filter: JsonNode.Parse(filter)!.AsObject());
            Assert.That(SeenOf(_bob, sync), Is.Empty, filter);
        }

        Assert.That(SeenOf(_bob, await _alice.SyncsAsync(alice)), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task What_changes_while_a_user_is_not_in_memory_is_seen()
    {
        await _carol.JoinsAsync(_room);
        var (_, carol) = (await _alice.SyncTokenAsync(), await _carol.SyncTokenAsync());
        var notifier = _server.Services.GetRequiredService<Notifier>();
        var before = notifier.Ephemeral;
        notifier.ForgetAll(notifier.Applied);
        await SetsAsync(_bob, "online");
        await SeesAsync(_carol, carol, "online");

        // Durable changes are not what tells that there is news.
        var since = new SyncToken(notifier.Applied, notifier.Epoch, before);
        Assert.That(SeenOf(_bob, await _alice.SyncsAsync(since.ToString())), Is.Not.Empty);
    }

    [Test]
    public async Task Present_users_are_shown_at_first_and_when_a_room_is_shared()
    {
        var since = (await _alice.SyncsAsync()).Next;
        await SetsAsync(_bob, "online");
        await SetsAsync(_carol, "unavailable", "away");
        (_, since) = await SeesAsync(_alice, since, "online");

        Assert.That(SeenOf(_bob, await _alice.SyncsAsync()), Has.Count.EqualTo(1), "in an initial sync");
        var carol = (await _carol.SyncsAsync(query: "set_presence=offline")).Next;
        await _carol.JoinsAsync(_room);
        Assert.That(SeenOf(_bob, await _carol.SyncsAsync(carol, "set_presence=offline")), Has.Count.EqualTo(1));
        var seen = SeenOf(_carol, await _alice.SyncsAsync(since));
        Assert.That(seen.Select(content => (string?)content["status_msg"]), Is.EqualTo(new[] { "away" }));
    }

    [Test]
    public async Task The_message_outlives_a_restart()
    {
        await SetsAsync(_bob, "online", "writing ✎");
        await _server.RestartAsync();
        var seen = (await _alice.GetAsync(PathOf(_bob.UserId))).Json;
        Assert.That(
            ((string?)seen["presence"], (string?)seen["status_msg"]), Is.EqualTo(("online", "writing ✎")));

        var since = (await _alice.SyncsAsync()).Next;
        await _bob.SyncsAsync(query: "set_presence=unavailable");
        var (content, _) = await SeesAsync(_alice, since, "unavailable");
        Assert.That((string?)content["status_msg"], Is.EqualTo("writing ✎"));

        await SetsAsync(_bob, "online");
        await _server.RestartAsync();
        Assert.That((await _bob.GetAsync(PathOf(_bob.UserId))).Json.ContainsKey("status_msg"), Is.False);
    }

    [Test]
    public async Task A_user_who_does_not_come_back_after_a_restart_is_shown_as_offline()
    {
        var since = (await _alice.SyncsAsync()).Next;
        await SetsAsync(_bob, "online");
        (_, since) = await SeesAsync(_alice, since, "online");
        await _server.RestartAsync(("presence.offline_after", "2s"));
        await SeesAsync(_alice, since, "offline");
        Assert.That(await StateAsync(_bob), Is.EqualTo("offline"));
    }

    [Test]
    public async Task Users_who_were_present_at_a_stop_are_taken_up_by_the_node_that_gets_their_shard()
    {
        await SetsAsync(_bob, "online");
        await _server.StopAsync();
        var shards = new MovableShards();
        await shards.CloseAsync(Authority.User(_bob.UserId));
        _server.Replaces = shards.AddTo;
        await _server.StartAgainAsync();
        Assert.That(await StateAsync(_bob), Is.EqualTo("offline"));

        shards.Open(Authority.User(_bob.UserId));
        await Until.HoldsAsync(async () => await StateAsync(_bob) == "online");
        var stopped = _server.Services.GetRequiredService<PresenceTable>();
        await Until.HoldsAsync(async () => (await stopped.AtStopAsync(CancellationToken.None)).Count == 0);

        await shards.CloseAsync(Authority.User(_bob.UserId));
        await _server.RestartAsync();
        stopped = _server.Services.GetRequiredService<PresenceTable>();
        Assert.That(await stopped.AtStopAsync(CancellationToken.None), Is.Empty, "another node saves him");
    }

    [Test]
    public async Task A_token_of_before_a_restart_gets_what_is_known_now()
    {
        var since = (await _alice.SyncsAsync()).Next;
        await _server.RestartAsync();
        await SetsAsync(_bob, "online");
        await SeesAsync(_alice, since, "online");
    }

    [Test]
    public async Task Where_it_is_off_nobody_sees_it()
    {
        await RestartedAsync(("presence.mode", "off"));
        var since = (await _alice.SyncsAsync()).Next;
        await SetsAsync(_bob, "online", "here");
        (await _alice.GetAsync(PathOf(_bob.UserId))).Is(404, "M_NOT_FOUND");
        (await _bob.GetAsync(PathOf(_bob.UserId))).Is(404, "M_NOT_FOUND");
        (await _carol.GetAsync(PathOf(_bob.UserId))).Is(403, "M_FORBIDDEN");
        await _bob.SaysAsync(_room, "hello");
        Assert.That((await _alice.WaitsAsync(since)).Presence, Is.Empty);
    }

    [Test]
    public async Task A_deactivated_user_is_offline_and_has_no_message()
    {
        await SetsAsync(_bob, "online", "here");
        (await _bob.PostAsync("account/deactivate", new JsonObject { ["auth"] = _bob.PasswordAuth() })).Is(200);
        var board = _server.Services.GetRequiredService<PresenceBoard>();
        Assert.That(board.Find(_bob.UserId)!.State, Is.EqualTo(PresenceState.Offline));
        Assert.That(
            await _server.Services.GetRequiredService<OpenedStorage>().Presence.StatusesAsync([_bob.UserId], default),
            Is.Empty);
    }

    // The first bound leads to the database, the second leaves no space in memory for anybody's stream.
    [TestCase("presence.remembered_changes", "1")]
    [TestCase("sync.followed_rooms", "16")]
    public async Task Changes_that_are_not_remembered_are_looked_up(string key, string value)
    {
        await RestartedAsync((key, value));
        for (var n = 0; n < 20; n++) await _alice.CreatesRoomAsync();
        await _carol.JoinsAsync(_room);
        var dora = await _server.RegistersAsync("dora");
        var since = (await _alice.SyncsAsync()).Next;
        await SetsAsync(_carol, "online");
        await SetsAsync(dora, "online");
        var carol = (await _carol.SyncsAsync()).Next;
        await SetsAsync(_bob, "unavailable");
        await SeesAsync(_carol, carol, "unavailable");

        var sync = await _alice.SyncsAsync(since);
        var seen = sync.Presence.Select(each => (string?)each["sender"]).ToArray();
        Assert.That(seen, Is.SupersetOf(new[] { _bob.UserId, _carol.UserId }));
        Assert.That(seen, Has.No.Member(dora.UserId));
    }

    [Test]
    public async Task A_filter_bounds_the_users_in_a_response()
    {
        await _carol.JoinsAsync(_room);
        await SetsAsync(_carol, "online");
        var since = (await _alice.SyncsAsync()).Next;
        await SetsAsync(_bob, "online");
        await SeesAsync(_alice, since, "online");

        var filter = new JsonObject { ["presence"] = new JsonObject { ["limit"] = 1 } };
        Assert.That((await _alice.SyncsAsync()).Presence, Has.Count.GreaterThanOrEqualTo(2));
        Assert.That((await _alice.SyncsAsync(filter: filter)).Presence, Has.Count.EqualTo(1));
    }

    private static string PathOf(string userId) => $"presence/{UserActions.Esc(userId)}/status";

    private static async Task SetsAsync(TestUser user, string presence, string? status = null)
    {
        var body = new JsonObject { ["presence"] = presence };
        if (status is not null) body["status_msg"] = status;
        (await user.PutAsync(PathOf(user.UserId), body)).Is(200);
    }

    private static async Task<string> StateAsync(TestUser user) =>
        (await user.GetAsync(PathOf(user.UserId))).Member("presence");

    private static IReadOnlyList<JsonObject> SeenOf(TestUser user, SyncReply sync) =>
    [
        .. sync.Presence
            .Where(each => (string?)each["sender"] == user.UserId && (string?)each["type"] == "m.presence")
            .Select(each => each["content"]!.AsObject()),
    ];

    private async Task StartAsync(params (string, string)[] settings)
    {
        _server = await TestServer.StartAsync([.. _quick, .. settings]);
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
        _carol = await _server.RegistersAsync("carol");
        _room = await _alice.CreatesRoomAsync();
        await _bob.JoinsAsync(_room);
    }

    private async Task RestartedAsync(params (string, string)[] settings)
    {
        await TearDown();
        await StartAsync(settings);
    }

    /// <summary>Waits until a user's sync shows this state of Bob's.</summary>
    private async Task<(JsonObject Content, string Next)> SeesAsync(TestUser user, string since, string state)
    {
        for (var n = 0; n < 50; n++)
        {
            var sync = await user.WaitsAsync(since, seconds: 1);
            since = sync.Next;
            if (SeenOf(_bob, sync).LastOrDefault(each => (string?)each["presence"] == state) is { } content)
            {
                return (content, since);
            }
        }

        throw new AssertionException($"{user.UserId} did not see that Bob is {state}.");
    }
}
