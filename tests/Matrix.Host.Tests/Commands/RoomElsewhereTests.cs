using System.Text.Json.Nodes;
using Matrix.Core.Event;
using Matrix.Core.Room;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Notices;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Upgrading;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Jobs;
using Matrix.Host.Users;
using Matrix.Host.Users.Accounts;
using Matrix.Host.Users.Guests;
using Matrix.Host.Users.OAuth;
using Matrix.Host.Users.Profiles;
using Matrix.Host.Users.ThirdPartyIds;
using Microsoft.Extensions.DependencyInjection;
using Content = Matrix.Core.Json.JsonObject;
using Json = Matrix.Core.Json.Json;

namespace Matrix.Host.Tests.Commands;

/// <summary>Code that needs rooms and users of another node as a part of its work sends commands.</summary>
internal sealed class RoomElsewhereTests
{
    private MovableShards _shards = null!;
    private OtherNode _other = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _bob = null!;

    [SetUp]
    public async Task SetUpAsync()
    {
        _shards = new MovableShards();
        _other = new OtherNode(_shards);
        _server = await TestServer.StartAsync(("registration.guests", "true"));
        _server.Replaces = _other.AddTo;
        await _server.RestartAsync();
        (_alice, _bob) = (await _server.RegistersAsync("alice"), await _server.RegistersAsync("bob"));
    }

    [TearDown]
    public async Task TearDownAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_user_whose_account_ends_leaves_it()
    {
        var room = await SharedRoomAsync();
        await _other.TakesAsync(Authority.Room(room));
        (await _bob.PostAsync("account/deactivate", new JsonObject { ["auth"] = _bob.PasswordAuth() })).Is(200);
        await Until.HoldsAsync(async () => await MembershipAsync(room, _bob) == "leave");
        Assert.That(_other.CallsTo(Authority.Room(room)), Is.GreaterThan(0));
    }

    [Test]
    public async Task A_profile_that_changes_is_shown_in_it_and_in_rooms_of_nodes_that_can_be_reached()
    {
        var (room, lost, here) = (await SharedRoomAsync(), await SharedRoomAsync(), await SharedRoomAsync());
        await _other.TakesAsync(Authority.Room(room), Authority.Room(lost));
        _other.Unreachable[Authority.Room(lost)] = true;
        await _bob.PutAsync($"profile/{_bob.UserId}/displayname", new JsonObject { ["displayname"] = "Bob" });
        Assert.That(await NameAsync(room), Is.EqualTo("Bob"));
        Assert.That(await NameAsync(here), Is.EqualTo("Bob"));
        Assert.That(await NameAsync(lost), Is.Not.EqualTo("Bob"));

        async Task<string?> NameAsync(string of) => (string?)(await MemberAsync(of, _bob))["displayname"];
    }

    [Test]
    public async Task Guests_leave_it_when_it_closes_to_them()
    {
        var guest = await GuestAsync();
        var room = await SharedRoomAsync();
        await _alice.SetsAsync(room, "m.room.guest_access", new JsonObject { ["guest_access"] = "can_join" });
        await guest.JoinsAsync(room);
        await _alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "later" });
        await _other.TakesAsync(Authority.Room(room));
        var closed = Draft.State(
            "m.room.guest_access", "", _alice.UserId, Content.OfSeq([("guest_access", Json.Of("forbidden"))]));
        Assert.That((await SendsAsync(room, closed)).IsOk);
        await Until.HoldsAsync(async () => await MembershipAsync(room, guest) == "leave");
    }

    [Test]
    public async Task An_unused_guest_of_another_node_loses_the_account()
    {
        var guest = await GuestAsync();
        await _other.TakesAsync(Authority.User(guest.UserId));
        _server.Ahead = TimeSpan.FromDays(60);
        Assert.That(
            await Part<UnusedGuests>().EndAsync(CancellationToken.None), Is.GreaterThan(0));
        Assert.That(_other.CallsTo(Authority.User(guest.UserId)), Is.EqualTo(1));
        (await guest.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task Who_may_change_its_aliases_deletes_one()
    {
        var room = await SharedRoomAsync();
        (await _bob.PutAsync("directory/room/%23here:test.example", new JsonObject { ["room_id"] = room })).Is(200);
        await _other.TakesAsync(Authority.Room(room));
        (await _alice.DeleteAsync("directory/room/%23here:test.example")).Is(200);
        Assert.That(_other.CallsTo(Authority.Room(room)), Is.EqualTo(1));
    }

    [Test]
    public async Task It_is_joined_by_its_alias()
    {
        var room = await RoomAsync();
        (await _alice.PutAsync("directory/room/%23here:test.example", new JsonObject { ["room_id"] = room })).Is(200);
        await _other.TakesAsync(Authority.Room(room));
        (await _bob.PostAsync("join/%23here:test.example")).Is(200);
        Assert.That(await MembershipAsync(room, _bob), Is.EqualTo("join"));
    }

    [Test]
    public async Task Notices_are_sent_into_it()
    {
        var notices = Part<ServerNotices>();
        Assert.That((await notices.SendAsync(_bob.UserId, "one", false, CancellationToken.None)).IsOk);
        var room = (await _bob.SyncsAsync()).Invited.Single();
        await _bob.JoinsAsync(room);
        await _other.TakesAsync(Authority.Room(room));
        Assert.That((await notices.SendAsync(_bob.UserId, "two", true, CancellationToken.None)).IsOk);
        Assert.That((await _bob.SyncsAsync()).Bodies(room), Is.EqualTo(new[] { "one", "two" }));
    }

    [Test]
    public async Task A_job_deletes_it()
    {
        var room = await SharedRoomAsync();
        await _other.TakesAsync(Authority.Room(room));
        var job = await Part<RoomDeletion>().BeginAsync(
            _alice.UserId, room, blocks: false, new RoomDeletionWish(), [], CancellationToken.None);
        await EndsAsync(job.Value!);
        (await _alice.GetAsync($"rooms/{room}/state")).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task A_room_of_members_is_not_hidden_there_either()
    {
        var room = await SharedRoomAsync();
        await _other.TakesAsync(Authority.Room(room));
        var hidden = await Part<RoomCommands>().AskAsync(new HideRoom(room, Forces: false), CancellationToken.None);
        Assert.That(hidden.Failure!.Message, Does.Contain("still joined"));
    }

    [Test]
    public async Task A_job_redacts_messages_in_it_each_once()
    {
        var room = await SharedRoomAsync();
        for (var i = 0; i < 3; i++) await _bob.SaysAsync(room, $"message {i}");
        await _other.TakesAsync(Authority.Room(room));
        _other.LosesAnswers(1);
        var job = await Part<UserRedaction>().BeginAsync(
            _alice.UserId,
            _bob.UserId,
            [room],
            null,
            null,
            asAdmin: true,
            new UserIsActive(_alice.UserId),
            CancellationToken.None);
        await EndsAsync(job.Value!);
        var redactions = (await TimelineAsync(room)).Count(each => (string?)each["type"] == "m.room.redaction");
        Assert.That(redactions, Is.EqualTo(3));
    }

    [Test]
    public async Task Settings_of_a_replaced_room_are_copied_for_a_user_of_another_node()
    {
        var old = await SharedRoomAsync();
        (await _bob.PutAsync(
            $"user/{_bob.UserId}/rooms/{old}/tags/m.favourite", new JsonObject { ["order"] = 0.5 })).Is(200);
        var next = (await _alice.PostAsync($"rooms/{old}/upgrade", new JsonObject { ["new_version"] = "11" }))
            .Is(200).Member("replacement_room");
        await _other.TakesAsync(Authority.User(_bob.UserId));
        await _bob.JoinsAsync(next);
        await Until.HoldsAsync(async () =>
            (await _bob.GetAsync($"user/{_bob.UserId}/rooms/{next}/tags")).Json["tags"]!["m.favourite"] is not null);
        Assert.That(_other.CallsTo(Authority.User(_bob.UserId)), Is.GreaterThan(0));
    }

    [Test]
    public async Task An_account_of_another_node_ends_once()
    {
        var its = Authority.User(_bob.UserId);
        await _other.TakesAsync(its);
        _other.LosesAnswers(1);
        var ended = await Part<Deactivation>().EndAsync(
            _bob.UserId, erase: false, new UserIsActive(_bob.UserId), CancellationToken.None);
        Assert.That((ended, _other.CallsTo(its)), Is.EqualTo((DeactivationResult.DoneBefore, 2)));
        (await _bob.GetAsync("account/whoami")).Is(401, "M_UNKNOWN_TOKEN");
    }

    [Test]
    public async Task A_profile_of_a_user_of_another_node_is_changed_and_judged_there()
    {
        await _other.TakesAsync(Authority.User(_bob.UserId));
        var profiles = Part<ProfileUpdates>();
        Assert.That(
            await profiles.SetAsync(_bob.UserId, "displayname", Json.Of("Bob"), CancellationToken.None), Is.Null);
        Assert.That(
            (await _alice.GetAsync($"profile/{_bob.UserId}/displayname")).Member("displayname"), Is.EqualTo("Bob"));
        Assert.That(await profiles.DeleteAsync(_bob.UserId, "displayname", CancellationToken.None), Is.Null);
        (await _alice.GetAsync($"profile/{_bob.UserId}/displayname")).Is(404, "M_NOT_FOUND");
        var large = await profiles.SetAsync(
            _bob.UserId, "org.example.large", Json.Of(new string('x', 70_000)), CancellationToken.None);
        Assert.That(large!.Kind, Is.EqualTo(UserFailureKind.ProfileTooLarge));
    }

    [Test]
    public async Task Addresses_of_a_user_of_another_node_are_set_and_removed_there()
    {
        await _other.TakesAsync(Authority.User(_bob.UserId));
        var identifiers = Part<AccountIdentifiers>();
        var id = ThirdPartyId.Read("email", "bob@example.org")!.Value;
        for (var i = 0; i < 2; i++)
        {
            Assert.That(
                await identifiers.SetAsync(
                    _bob.UserId, [id], new UserIsActive(_bob.UserId), CancellationToken.None),
                Is.Null);
        }

        Assert.That(await identifiers.OwnerAsync(id, CancellationToken.None), Is.EqualTo(_bob.UserId));
        Assert.That(await identifiers.RemoveAsync(_bob.UserId, id, CancellationToken.None), Is.True);
        Assert.That(await identifiers.OwnerAsync(id, CancellationToken.None), Is.Null);
    }

    [Test]
    public async Task A_user_of_another_node_lets_keys_be_replaced()
    {
        var its = Authority.User(_bob.UserId);
        await Part<ConfirmedResets>().AllowAsync(_bob.UserId, CancellationToken.None);
        Assert.That(Part<CrossSigningResets>().TryUse(_bob.UserId), Is.True);
        await _other.TakesAsync(its);
        await Part<ConfirmedResets>().AllowAsync(_bob.UserId, CancellationToken.None);
        Assert.That(_other.CallsTo(its), Is.EqualTo(1));
    }

    [Test]
    public async Task Bans_are_copied_into_it_once()
    {
        var (old, next) = (await SharedRoomAsync(), await RoomAsync());
        await _alice.BansAsync(old, _bob);
        await _other.TakesAsync(Authority.Room(next));
        for (var i = 0; i < 2; i++)
        {
            var copied = await Part<RoomCommands>().AskAsync(
                new CopyBans(next, old, _alice.UserId), CancellationToken.None);
            Assert.That(copied.Failure, Is.Null);
        }

        Assert.That(await MembershipAsync(next, _bob), Is.EqualTo("ban"));
        Assert.That((await TimelineAsync(next)).Count(each =>
            (string?)each["state_key"] == _bob.UserId), Is.EqualTo(1));
    }

    [Test]
    public async Task A_send_whose_answer_is_lost_has_one_effect()
    {
        var room = await SharedRoomAsync();
        await _other.TakesAsync(Authority.Room(room));
        _other.LosesAnswers(1);
        var sent = await SendsAsync(room, Message("hello"));
        Assert.That(_other.CallsTo(Authority.Room(room)), Is.EqualTo(2));

        var command = new SendEvent(room, "mine", Message("again"), null);
        var first = await Part<RoomCommands>().AskAsync(command, CancellationToken.None);
        await _server.RestartAsync();
        var second = await Part<RoomCommands>().AskAsync(command, CancellationToken.None);
        Assert.That(second.Value, Is.EqualTo(first.Value));
        var messages = (await TimelineAsync(room)).Where(each => (string?)each["type"] == "m.room.message").ToArray();
        Assert.That(
            messages.Select(each => (string?)each["event_id"]), Is.EquivalentTo(new[] { sent.Value, first.Value }));
    }

    [Test]
    public async Task A_change_of_membership_whose_answer_is_lost_has_one_effect()
    {
        var room = await SharedRoomAsync();
        await _other.TakesAsync(Authority.Room(room));
        var memberships = Part<RoomMemberships>();
        _other.LosesAnswers(1);
        Assert.That(
            await memberships.KickAsync(_alice.UserId, room, _bob.UserId, "why", CancellationToken.None), Is.Null);
        _other.LosesAnswers(1);
        Assert.That(
            await memberships.BanAsync(_alice.UserId, room, _bob.UserId, "why", CancellationToken.None), Is.Null);
        var changes = (await TimelineAsync(room)).Where(each => (string?)each["state_key"] == _bob.UserId);
        Assert.That(
            changes.Select(each => (string?)each["content"]!["membership"]),
            Is.EquivalentTo(new[] { "join", "leave", "ban" }));
    }

    [Test]
    public async Task Failures_are_the_same_as_here()
    {
        var room = await RoomAsync();
        var sender = Part<RoomSender>();
        var stranger = new Draft(EventTypes.Message, null, _bob.UserId, Content.Empty, null);
        var here = (await sender.SendOwnAsync(room, stranger, null, CancellationToken.None)).Failure;
        await _other.TakesAsync(Authority.Room(room));
        var there = (await sender.SendOwnAsync(room, stranger, null, CancellationToken.None)).Failure;
        Assert.That(there, Is.EqualTo(here));
        Assert.That(
            await Part<RoomMemberships>().KickAsync(_alice.UserId, room, _bob.UserId, null, CancellationToken.None),
            Has.Property("Message").EqualTo("The user is not in the room."));
        _other.Unreachable[Authority.Room(room)] = true;
        (await _bob.PostAsync($"rooms/{room}/join")).Is(503, "M_UNKNOWN");
    }

    private static Draft Message(string body) =>
        Message(Content.OfSeq([("body", Json.Of(body)), ("msgtype", Json.Of("m.text"))]));

    private static Draft Message(Content content) =>
        new(EventTypes.Message, null, "@alice:test.example", content, null);

    private T Part<T>()
        where T : notnull => _server.Services.GetRequiredService<T>();

    private ValueTask<RoomResult<string>> SendsAsync(string room, Draft draft) =>
        Part<RoomSender>().SendOwnAsync(room, draft, null, CancellationToken.None);

    /// <summary>A public room in a shard of its own: no user or duty of the test has it.</summary>
    private async Task<string> RoomAsync()
    {
        Authority[] others =
        [
            Authority.User(_alice.UserId),
            Authority.User(_bob.UserId),
            Authority.Duty("jobs"),
            Authority.Duty("departures"),
            Authority.Duty("guest departures"),
        ];
        while (true)
        {
            var body = new JsonObject { ["preset"] = "public_chat", ["room_version"] = "11" };
            var room = (await _alice.PostAsync("createRoom", body)).Is(200).Member("room_id");
            if (others.All(each => each.Shard != Authority.Room(room).Shard)) return room;
        }
    }

    private async Task<string> SharedRoomAsync()
    {
        var room = await RoomAsync();
        await _bob.JoinsAsync(room);
        return room;
    }

    private async Task<TestUser> GuestAsync()
    {
        var reply = (await _server.Anyone.PostAsync("register?kind=guest")).Is(200);
        return new TestUser(
            _server, reply.Member("user_id"), reply.Member("device_id"), reply.Member("access_token"), "");
    }

    private async Task EndsAsync(JobRow job)
    {
        var jobs = Part<JobList>();
        await Until.HoldsAsync(async () =>
            await jobs.FindAsync(job.JobId, CancellationToken.None) is not { HasEnded: false });
        Assert.That((await jobs.FindAsync(job.JobId, CancellationToken.None))!.State, Is.EqualTo(JobState.Done));
    }

    private async Task<JsonObject[]> TimelineAsync(string room) =>
    [
        .. (await _alice.GetAsync($"rooms/{room}/messages?dir=b&limit=100")).Is(200).Json["chunk"]!.AsArray()
            .Select(static each => each!.AsObject()),
    ];

    private async Task<JsonObject> MemberAsync(string room, TestUser user) =>
        (await _alice.GetAsync($"rooms/{room}/state/m.room.member/{user.UserId}")).Is(200).Json;

    private async Task<string?> MembershipAsync(string room, TestUser user) =>
        (string?)(await MemberAsync(room, user))["membership"];
}
