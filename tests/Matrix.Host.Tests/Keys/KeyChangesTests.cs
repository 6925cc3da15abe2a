using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Tests.Keys;

public sealed class KeyChangesTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;
    private TestUser _carol = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _server = await TestServer.StartAsync();
        _alice = await _server.RegistersAsync("alice");
        _bob = await _server.RegistersAsync("bob");
        _carol = await _server.RegistersAsync("carol");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Those_who_share_a_room_hear_of_new_keys_and_others_do_not()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);

        var changes = await SinceAsync(() => _alice.UploadsDeviceAsync(new ClientKey()), _alice, _bob, _carol);

        Assert.That(changes[_bob].Changed, Is.EqualTo(new[] { _alice.UserId }));
        Assert.That(changes[_alice].Changed, Is.EqualTo(new[] { _alice.UserId }));
        Assert.That(changes[_carol].Changed, Is.Empty);
        Assert.That(changes.Values.SelectMany(change => change.Left), Is.Empty);
    }

    [Test]
    public async Task The_same_keys_again_are_no_news()
    {
        var key = new ClientKey();
        await _alice.UploadsDeviceAsync(key);

        var changes = await SinceAsync(() => _alice.UploadsDeviceAsync(key), _alice);

        Assert.That(changes[_alice].Changed, Is.Empty);
    }

    [Test]
    public async Task A_renamed_device_a_deleted_device_a_logout_and_signing_keys_are_news()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);
        var (second, third) = (await _alice.LogsInAsync(), await _alice.LogsInAsync());
        await second.UploadsDeviceAsync(new ClientKey());
        await third.UploadsDeviceAsync(new ClientKey());
        Func<Task>[] acts =
        [
            () => _alice.PutAsync($"devices/{second.DeviceId}", new JsonObject { ["display_name"] = "other" }),
            () => _alice.DeleteAsync($"devices/{second.DeviceId}", new JsonObject { ["auth"] = _alice.PasswordAuth() }),
            () => third.PostAsync("logout"),
            _alice.CrossSignsAsync,
        ];

        foreach (var act in acts)
        {
            Assert.That((await SinceAsync(act, _bob))[_bob].Changed, Is.EqualTo(new[] { _alice.UserId }));
        }
    }

    [Test]
    public async Task A_new_device_is_news_before_it_has_keys_and_so_is_its_name_but_not_its_next_login()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);

        var added = await SinceAsync(() => _alice.LogsInAsync("TABLET"), _alice, _bob, _carol);
        Assert.That(added[_bob].Changed, Is.EqualTo(new[] { _alice.UserId }));
        Assert.That(added[_alice].Changed, Is.EqualTo(new[] { _alice.UserId }));
        Assert.That(added[_carol].Changed, Is.Empty);
        var renamed = await SinceAsync(
            () => _alice.PutAsync("devices/TABLET", new JsonObject { ["display_name"] = "mine" }),
            _bob);
        Assert.That(renamed[_bob].Changed, Is.EqualTo(new[] { _alice.UserId }));
        var again = await SinceAsync(() => _alice.LogsInAsync("TABLET"), _bob);
        Assert.That(again[_bob].Changed, Is.Empty);
    }

    [Test]
    public async Task Whom_a_user_has_verified_is_news_to_them_only()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);
        var (alices, bobs) = (await _alice.CrossSignsAsync(), await _bob.CrossSignsAsync());
        var signed = alices.UserSigning.Sign(bobs.MasterKey(), _alice.UserId, alices.UserSigning.Id);

        var changes =
            await SinceAsync(() => _alice.UploadsSignatureAsync(_bob.UserId, bobs.Master.Public, signed), _alice, _bob);

        Assert.That(changes[_alice].Changed, Is.EqualTo(new[] { _bob.UserId }));
        Assert.That(changes[_bob].Changed, Is.Empty);
    }

    [Test]
    public async Task A_newcomer_meets_all_members_and_they_meet_the_newcomer()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);

        var changes = await SinceAsync(() => JoinsAsync(_carol, room), _alice, _bob, _carol);

        Assert.That(changes[_carol].Changed, Is.EquivalentTo(new[] { _alice.UserId, _bob.UserId }));
        Assert.That(changes[_alice].Changed, Is.EqualTo(new[] { _carol.UserId }));
        Assert.That(changes[_bob].Changed, Is.EqualTo(new[] { _carol.UserId }));
    }

    [Test]
    public async Task A_user_who_leaves_is_left_by_the_others_unless_another_room_is_shared()
    {
        var (room, other) = (await CreatesRoomAsync(_alice), await CreatesRoomAsync(_alice));
        await JoinsAsync(_bob, room);
        await JoinsAsync(_carol, room);
        await JoinsAsync(_bob, other);

        var changes = await SinceAsync(() => _bob.PostAsync($"rooms/{room}/leave"), _alice, _bob, _carol);

        Assert.That(changes[_bob].Left, Is.EqualTo(new[] { _carol.UserId }));
        Assert.That(changes[_carol].Left, Is.EqualTo(new[] { _bob.UserId }));
        Assert.That(changes[_alice].Left, Is.Empty);
        Assert.That(changes.Values.SelectMany(change => change.Changed), Is.Empty);
    }

    [Test]
    public async Task A_kicked_user_is_left_by_the_others()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);

        var changes = await SinceAsync(
            () => _alice.PostAsync($"rooms/{room}/kick", new JsonObject { ["user_id"] = _bob.UserId }), _alice, _bob);

        Assert.That(changes[_alice].Left, Is.EqualTo(new[] { _bob.UserId }));
        Assert.That(changes[_bob].Left, Is.EqualTo(new[] { _alice.UserId }));
    }

    [Test]
    public async Task A_change_of_name_and_an_invitation_are_no_news()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);

        var changes = await SinceAsync(
            async () =>
            {
                (await _alice.PutAsync(
                    $"profile/{_alice.UserId}/displayname",
                    new JsonObject { ["displayname"] = "Alice" })).Is(200);
                (await _alice.PostAsync($"rooms/{room}/invite", new JsonObject { ["user_id"] = _carol.UserId }))
                    .Is(200);
            },
            _bob,
            _carol);

        Assert.That(changes[_bob].Changed.Concat(changes[_bob].Left), Is.Empty);
        Assert.That(changes[_carol].Changed.Concat(changes[_carol].Left), Is.Empty);
    }

    [Test]
    public async Task A_user_who_came_and_went_in_between_is_no_change()
    {
        var room = await CreatesRoomAsync(_alice);

        var changes = await SinceAsync(
            async () =>
            {
                await JoinsAsync(_bob, room);
                (await _bob.PostAsync($"rooms/{room}/leave")).Is(200);
            },
            _alice);

        Assert.That(changes[_alice].Changed.Concat(changes[_alice].Left), Is.Empty);
    }

    [Test]
    public async Task A_user_who_left_is_in_left_although_they_share_another_room_later()
    {
        var (room, other) = (await CreatesRoomAsync(_alice), await CreatesRoomAsync(_alice));
        await JoinsAsync(_bob, room);

        var changes = await BetweenAsync(
            () => LeavesAsync(_bob, room), () => JoinsAsync(_bob, other), _alice, _bob);

        Assert.That(changes[_alice].Left, Is.EqualTo(new[] { _bob.UserId }));
        Assert.That(changes[_bob].Left, Is.EqualTo(new[] { _alice.UserId }));
    }

    [Test]
    public async Task A_user_who_shares_another_room_and_leaves_it_later_is_not_in_left()
    {
        var (room, other) = (await CreatesRoomAsync(_alice), await CreatesRoomAsync(_alice));
        await JoinsAsync(_bob, room);
        await JoinsAsync(_bob, other);

        var changes = await BetweenAsync(
            () => LeavesAsync(_bob, room), () => LeavesAsync(_bob, other), _alice, _bob);

        Assert.That(changes.Values.SelectMany(change => change.Left), Is.Empty);
    }

    [Test]
    public async Task New_keys_of_a_user_who_leaves_later_are_news_and_those_of_one_who_comes_later_are_not()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);

        var changes = await BetweenAsync(
            async () =>
            {
                await _bob.UploadsDeviceAsync(new ClientKey());
                await _carol.UploadsDeviceAsync(new ClientKey());
            },
            async () =>
            {
                await LeavesAsync(_bob, room);
                await JoinsAsync(_carol, room);
            },
            _alice);

        Assert.That(changes[_alice].Changed, Is.EqualTo(new[] { _bob.UserId }));
    }

    [Test]
    public async Task A_newcomer_meets_those_who_leave_later_and_not_those_who_come_later()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);
        var dora = await _server.RegistersAsync("dora");

        var changes = await BetweenAsync(
            () => JoinsAsync(_carol, room),
            async () =>
            {
                await LeavesAsync(_bob, room);
                await JoinsAsync(dora, room);
            },
            _carol);

        Assert.That(changes[_carol].Changed, Is.EquivalentTo(new[] { _alice.UserId, _bob.UserId }));
    }

    [Test]
    public async Task A_user_who_left_and_came_back_in_between_meets_all_again()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);

        var changes = await SinceAsync(
            async () =>
            {
                await LeavesAsync(_bob, room);
                await JoinsAsync(_bob, room);
            },
            _bob);

        Assert.That(changes[_bob].Changed, Is.EqualTo(new[] { _alice.UserId }));
        Assert.That(changes[_bob].Left, Is.Empty);
    }

    [Test]
    public async Task Others_meet_a_user_again_who_left_and_came_back_in_between()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);
        await JoinsAsync(_carol, room);

        var changes = await SinceAsync(
            async () =>
            {
                await LeavesAsync(_bob, room);
                await JoinsAsync(_bob, room);
            },
            _alice,
            _carol);

        Assert.That(changes[_alice].Changed, Is.EqualTo(new[] { _bob.UserId }));
        Assert.That(changes[_carol].Changed, Is.EqualTo(new[] { _bob.UserId }));
        Assert.That(changes.Values.SelectMany(change => change.Left), Is.Empty);
    }

    [Test]
    public async Task Changes_from_before_a_restart_are_still_sent()
    {
        var room = await CreatesRoomAsync(_alice);
        await JoinsAsync(_bob, room);

        var changes = await SinceAsync(
            async () =>
            {
                await _alice.UploadsDeviceAsync(new ClientKey());
                await _server.RestartAsync();
            },
            _bob);

        Assert.That(changes[_bob].Changed, Is.EqualTo(new[] { _alice.UserId }));
    }

    [Test]
    public async Task Tokens_must_be_given_and_be_ours()
    {
        var token = Token();

        (await _alice.GetAsync($"keys/changes?to={token}")).Is(400, "M_MISSING_PARAM");
        (await _alice.GetAsync($"keys/changes?from={token}")).Is(400, "M_MISSING_PARAM");
        (await _alice.GetAsync($"keys/changes?from=garbage&to={token}")).Is(400, "M_INVALID_PARAM");
        (await _alice.GetAsync($"keys/changes?from={token}&to=s1_x_0_0")).Is(400, "M_INVALID_PARAM");
    }

    private sealed record Changes(string[] Changed, string[] Left);

    private Task<Dictionary<TestUser, Changes>> SinceAsync(Func<Task> act, params TestUser[] users) =>
        BetweenAsync(act, () => Task.CompletedTask, users);

    /// <summary>The changes by an act, as they are read after what came later.</summary>
    private async Task<Dictionary<TestUser, Changes>> BetweenAsync(
        Func<Task> act, Func<Task> later, params TestUser[] users)
    {
        var from = Token();
        await act();
        var to = Token();
        await later();

        var answers = new Dictionary<TestUser, Changes>();
        foreach (var user in users)
        {
            var reply = (await user.GetAsync($"keys/changes?from={from}&to={to}")).Is(200);
            answers[user] = new Changes(Users(reply.Json["changed"]), Users(reply.Json["left"]));
        }

        return answers;

        static string[] Users(JsonNode? list) => [.. list!.AsArray().Select(user => (string)user!)];
    }

    private string Token()
    {
        var storage = (OpenedStorage)_server.Services.GetService(typeof(OpenedStorage))!;
        return new SyncToken(storage.Writer.PublishedPosition, 0, 0).ToString();
    }

    private static async Task<string> CreatesRoomAsync(TestUser user) =>
        (await user.PostAsync("createRoom", new JsonObject { ["preset"] = "public_chat" })).Is(200).Member("room_id");

    private static async Task JoinsAsync(TestUser user, string room) =>
        (await user.PostAsync($"rooms/{room}/join")).Is(200);

    private static async Task LeavesAsync(TestUser user, string room) =>
        (await user.PostAsync($"rooms/{room}/leave")).Is(200);
}
