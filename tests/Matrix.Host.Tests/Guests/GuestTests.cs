using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Accounts;
using Matrix.Host.Storage;
using Matrix.Host.Users.Guests;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Guests;

/// <summary>Guests: their accounts, the rooms that they may be in, and the users who they become.</summary>
internal sealed class GuestTests
{
    private TestServer _server = null!;
    private TestUser _alice = null!;

    [OneTimeSetUp]
    public async Task StartServer()
    {
        _server = await TestServer.StartAsync(
            ("registration.guests", "true"), ("registration.unused_guests_kept", "10d"));
        _alice = await _server.RegistersAsync("alice");
    }

    [OneTimeTearDown]
    public async Task StopServer() => await _server.DisposeAsync();

    [Test]
    public async Task A_guest_gets_a_device_and_only_its_name_is_read_from_the_body()
    {
        var reply = (await _server.Anyone.PostAsync("register?kind=guest", new JsonObject
        {
            ["initial_device_display_name"] = "Kiosk",
            ["device_id"] = "MINE",
            ["username"] = 5,
            ["password"] = new JsonArray(),
            ["refresh_token"] = true,
            ["inhibit_login"] = true,
            ["auth"] = "nonsense",
        })).Is(200);

        Assert.That(reply.Member("device_id"), Is.Not.EqualTo("MINE"));
        Assert.That(reply.Json["refresh_token"], Is.Null);
        var guest = UserOf(reply);
        var who = (await guest.GetAsync("account/whoami")).Is(200);
        Assert.That((who.Member("user_id"), (bool)who.Json["is_guest"]!), Is.EqualTo((guest.UserId, true)));
        Assert.That(
            (await guest.GetAsync($"devices/{guest.DeviceId}")).Is(200).Member("display_name"), Is.EqualTo("Kiosk"));
        (await _server.Anyone.PostAsync(
            "register?kind=guest", new JsonObject { ["initial_device_display_name"] = 5 })).Is(400, "M_BAD_JSON");
    }

    [Test]
    public async Task A_guest_joins_only_rooms_that_admit_guests_whichever_way_they_try()
    {
        var guest = await GuestAsync();
        var closed = await RoomAsync(null);
        var forbidden = await RoomAsync("forbidden");
        var open = await RoomAsync("can_join");
        foreach (var room in new[] { closed, forbidden })
        {
            (await guest.PostAsync($"rooms/{Esc(room)}/join")).Is(403, "M_GUEST_ACCESS_FORBIDDEN");
            (await guest.PostAsync($"join/{Esc(room)}")).Is(403, "M_GUEST_ACCESS_FORBIDDEN");
            (await guest.PutAsync(
                $"rooms/{Esc(room)}/state/m.room.member/{Esc(guest.UserId)}",
                new JsonObject { ["membership"] = "join" })).Is(403, "M_GUEST_ACCESS_FORBIDDEN");
        }

        await guest.JoinsAsync(open);
        await guest.SaysAsync(open, "hello");
        var member = (await _alice.GetAsync($"rooms/{Esc(open)}/state/m.room.member/{Esc(guest.UserId)}")).Is(200);
        Assert.That(member.Text, Does.Not.Contain("guest").And.Not.Contain("kind"));
    }

    [Test]
    public async Task A_guest_learns_nothing_of_rooms_that_others_could_not_join_either()
    {
        var guest = await GuestAsync();
        var secret = await _alice.CreatesRoomAsync("private_chat");
        var shut = await _alice.CreatesRoomAsync("private_chat");
        await _alice.SetsAsync(shut, "m.room.guest_access", new JsonObject { ["guest_access"] = "forbidden" });

        foreach (var room in new[] { secret, shut, "!nowhere:test.example", "!nowhere:other.example" })
        {
            (await guest.PostAsync($"rooms/{Esc(room)}/join")).Is(403, "M_FORBIDDEN");
        }

        await _alice.InvitesAsync(secret, guest);
        await guest.JoinsAsync(secret);
    }

    [Test]
    public async Task A_guest_cannot_knock_by_a_state_event_either()
    {
        var guest = await GuestAsync();
        var room = await RoomAsync("can_join");
        await _alice.SetsAsync(room, "m.room.join_rules", new JsonObject { ["join_rule"] = "knock" });

        (await guest.PutAsync(
            $"rooms/{Esc(room)}/state/m.room.member/{Esc(guest.UserId)}",
            new JsonObject { ["membership"] = "knock" })).Is(403, "M_GUEST_ACCESS_FORBIDDEN");
    }

    [TestCase("forbidden")]
    [TestCase("nonsense")]
    [TestCase(null)]
    public async Task Guests_leave_a_room_that_no_longer_admits_them_and_users_stay(string? access)
    {
        var (guest, bystander) = (await GuestAsync(), await GuestAsync());
        var room = await RoomAsync("can_join");
        var other = await RoomAsync("can_join");
        await guest.JoinsAsync(room);
        await guest.JoinsAsync(other);
        await bystander.JoinsAsync(other);
        await _alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "still open" });
        await guest.SaysAsync(room, "I am here");

        await _alice.SetsAsync(
            room, "m.room.guest_access", access is null ? [] : new JsonObject { ["guest_access"] = access });

        await UntilLeftAsync(room, guest);
        (await guest.PostAsync($"rooms/{Esc(room)}/join")).Is(403, "M_GUEST_ACCESS_FORBIDDEN");
        await _alice.SaysAsync(room, "I stay");
        await guest.SaysAsync(other, "I stay here");
        await bystander.SaysAsync(other, "and so do I");
        await Until.HoldsAsync(async () => (await ChangesAsync()) == 0);
    }

    [Test]
    public async Task Guests_leave_after_a_restart_if_the_server_stopped_before()
    {
        var guest = await GuestAsync();
        var room = await RoomAsync("can_join");
        await guest.JoinsAsync(room);
        _server.Replaces = static parts => parts.DoesNotRun<GuestDepartures>();
        await _server.RestartAsync();
        await _alice.SetsAsync(room, "m.room.guest_access", new JsonObject { ["guest_access"] = "forbidden" });
        Assert.That(await MembershipAsync(room, guest), Is.EqualTo("join"));

        _server.Replaces = null;
        await _server.RestartAsync();

        await UntilLeftAsync(room, guest);
    }

    [Test]
    public async Task A_guest_changes_their_display_name_and_no_other_field()
    {
        var guest = await GuestAsync();
        var path = $"profile/{Esc(guest.UserId)}";

        (await guest.PutAsync($"{path}/displayname", new JsonObject { ["displayname"] = "Visitor" })).Is(200);
        (await guest.PutAsync($"{path}/avatar_url", new JsonObject { ["avatar_url"] = "mxc://a/b" }))
            .Is(403, "M_GUEST_ACCESS_FORBIDDEN");
        (await guest.PutAsync($"{path}/m.tz", new JsonObject { ["m.tz"] = "UTC" })).Is(403, "M_GUEST_ACCESS_FORBIDDEN");
        (await guest.DeleteAsync($"{path}/avatar_url")).Is(403, "M_GUEST_ACCESS_FORBIDDEN");
        (await guest.PutAsync(
            $"profile/{Esc(_alice.UserId)}/displayname", new JsonObject { ["displayname"] = "Mallory" }))
            .Is(403, "M_FORBIDDEN");
        Assert.That((await guest.GetAsync($"{path}/displayname")).Is(200).Member("displayname"), Is.EqualTo("Visitor"));
        (await guest.DeleteAsync($"{path}/displayname")).Is(200);
        (await guest.GetAsync($"{path}/displayname")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_guest_becomes_a_user_of_the_same_name_whose_rooms_stay_and_the_guests_token_ends()
    {
        var guest = await GuestAsync();
        var room = await RoomAsync("can_join");
        await guest.JoinsAsync(room);

        var reply = (await UpgradesAsync(guest, NameOf(guest), guest.Token!)).Is(200);

        Assert.That(reply.Member("user_id"), Is.EqualTo(guest.UserId));
        (await guest.GetAsync("sync")).Is(401, "M_UNKNOWN_TOKEN");
        var user = UserOf(reply);
        Assert.That((bool)(await user.GetAsync("account/whoami")).Is(200).Json["is_guest"]!, Is.False);
        var devices = (await user.GetAsync("devices")).Is(200).Json["devices"]!.AsArray();
        Assert.That(devices.Select(each => (string?)each!["device_id"]), Is.EqualTo(new[] { user.DeviceId }));
        await user.LogsInAsync();
        await _alice.SetsAsync(room, "m.room.guest_access", new JsonObject { ["guest_access"] = "forbidden" });
        await Until.HoldsAsync(async () => (await ChangesAsync()) == 0);
        await user.SaysAsync(room, "still here");
        (await user.PostAsync("createRoom")).Is(200);
        (await UpgradesAsync(guest, NameOf(guest), guest.Token!)).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_guest_who_goes_on_with_the_same_device_keeps_it()
    {
        var guest = await GuestAsync();

        var reply = (await UpgradesAsync(guest, NameOf(guest), guest.Token!, guest.DeviceId)).Is(200);

        Assert.That(reply.Member("device_id"), Is.EqualTo(guest.DeviceId));
        (await guest.GetAsync("sync")).Is(401, "M_UNKNOWN_TOKEN");
        (await UserOf(reply).GetAsync("sync")).Is(200);
    }

    [Test]
    public async Task Only_a_guests_own_token_and_name_upgrade_an_account()
    {
        var (guest, other) = (await GuestAsync(), await GuestAsync());

        (await UpgradesAsync(guest, NameOf(other), guest.Token!)).Is(403, "M_FORBIDDEN");
        (await UpgradesAsync(guest, "somebody-else", guest.Token!)).Is(403, "M_FORBIDDEN");
        (await UpgradesAsync(guest, NameOf(guest), "no-token")).Is(403, "M_FORBIDDEN");
        (await UpgradesAsync(guest, "alice", _alice.Token!)).Is(403, "M_FORBIDDEN");
        (await UpgradesAsync(guest, null, guest.Token!)).Is(400, "M_MISSING_PARAM");
        (await _server.Anyone.PostAsync("register", new JsonObject { ["username"] = NameOf(guest) }))
            .Is(400, "M_USER_IN_USE");
        (await guest.GetAsync("sync")).Is(200);
    }

    [Test]
    public async Task A_guest_who_stays_away_loses_the_account_and_leaves_and_one_who_is_seen_does_not()
    {
        var (away, seen) = (await GuestAsync(), await GuestAsync());
        var room = await RoomAsync("can_join");
        await away.JoinsAsync(room);
        await seen.JoinsAsync(room);
        var unused = _server.Services.GetRequiredService<UnusedGuests>();
        try
        {
            _server.Ahead = TimeSpan.FromDays(9);
            await seen.SaysAsync(room, "here");
            Assert.That(await unused.EndAsync(CancellationToken.None), Is.Zero);

            _server.Ahead = TimeSpan.FromDays(18);
            Assert.That(await unused.EndAsync(CancellationToken.None), Is.GreaterThan(0));
        }
        finally
        {
            _server.Ahead = TimeSpan.Zero;
        }

        (await away.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
        Assert.That(await MembershipAsync(room, away), Is.EqualTo("leave"));
        (await seen.GetAsync("account/whoami")).Is(200);
    }

    [Test]
    public async Task There_are_no_more_guests_than_the_server_admits_and_none_by_default()
    {
        await using var small = await TestServer.StartAsync(
            ("registration.guests", "true"), ("registration.most_guests", "2"));
        var replies = await Task.WhenAll(
            Enumerable.Range(0, 6).Select(_ => small.Anyone.PostAsync("register?kind=guest")));
        Assert.That(replies.Count(reply => reply.Status == 200), Is.EqualTo(2));
        Assert.That(replies.Count(reply => reply.Errcode == "M_FORBIDDEN"), Is.EqualTo(4));

        // A guest is not the first user, who administers the server.
        Assert.That(small.FirstUserToken, Is.Not.Null);
        await small.RestartAsync(("registration.guests", "false"));
        Assert.That(small.FirstUserToken, Is.Not.Null);
        (await small.Anyone.PostAsync("register?kind=guest")).Is(403, "M_FORBIDDEN");
    }

    private static string Esc(string text) => Uri.EscapeDataString(text);

    private static string NameOf(TestUser user) => user.UserId[1..user.UserId.IndexOf(':', StringComparison.Ordinal)];

    private TestUser UserOf(Reply reply) => new(
        _server, reply.Member("user_id"), reply.Member("device_id"), reply.Member("access_token"), "a-long-password");

    private async Task<TestUser> GuestAsync() =>
        UserOf((await _server.Anyone.PostAsync("register?kind=guest")).Is(200));

    private async Task<string> RoomAsync(string? access)
    {
        var room = await _alice.CreatesRoomAsync();
        var content = access is null ? [] : new JsonObject { ["guest_access"] = access };
        await _alice.SetsAsync(room, "m.room.guest_access", content);
        return room;
    }

    private Task<Reply> UpgradesAsync(TestUser guest, string? name, string token, string? deviceId = null)
    {
        var body = new JsonObject
        {
            ["password"] = guest.Password,
            ["guest_access_token"] = token,
            ["auth"] = new JsonObject { ["type"] = "m.login.dummy" },
        };
        if (name is not null) body["username"] = name;
        if (deviceId is not null) body["device_id"] = deviceId;
        return _server.Anyone.PostAsync("register", body);
    }

    private async Task<int> ChangesAsync() => (await _server.Services.GetRequiredService<OpenedStorage>().Guests
        .ChangedRoomsAsync(new RoomNid(0), 10, CancellationToken.None)).Count;

    private async Task<string> MembershipAsync(string room, TestUser user) =>
        (await _alice.GetAsync($"rooms/{Esc(room)}/state/m.room.member/{Esc(user.UserId)}")).Is(200)
            .Member("membership");

    private Task UntilLeftAsync(string room, TestUser guest) =>
        Until.HoldsAsync(async () => await MembershipAsync(room, guest) == "leave");
}
