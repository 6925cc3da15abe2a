using System.Text.Json.Nodes;
using Matrix.Host.Rooms.Notices;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Moderation;

/// <summary>Account suspension: what suspended users may do, and what not.</summary>
internal sealed class SuspensionTests : ModerationTests
{
    private const string V1 = "/_matrix/client/v1/";
    private const string Delayed = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";
    private const string Message = """{"msgtype":"m.text","body":"hello"}""";
    private const string NoVersion = "M_NOT_FOUND";

    private static int _transactions;

    private TestUser _user = null!;
    private string _room = "";
    private string _invitedTo = "";
    private string _open = "";
    private string _own = "";
    private string _others = "";

    protected override (string, string)[] Settings => [("server_notices.localpart", "server-notices")];

    /// <summary>A suspended user who is joined to a room, invited to another, and has sent an event.</summary>
    [SetUp]
    public async Task SuspendsSomeone()
    {
        _user = await SomeoneAsync();
        _room = await _user.CreatesRoomAsync();
        await Admin.JoinsAsync(_room);
        _own = await _user.SaysAsync(_room, "mine");
        _others = await Admin.SaysAsync(_room, "the admin's");
        _open = await Admin.CreatesRoomAsync();
        _invitedTo = await Admin.CreatesRoomAsync("private_chat");
        await Admin.InvitesAsync(_invitedTo, _user);
        Assert.That((await SuspendsAsync(_user.UserId)).Is(200).Text, Is.EqualTo("""{"suspended":true}"""));
    }

    [TestCase("POST", "join/{open}", "{}", TestName = "Joining_a_room_is_forbidden")]
    [TestCase("POST", "rooms/{open}/join", "{}", TestName = "Joining_a_room_by_its_id_is_forbidden")]
    [TestCase("PUT", "rooms/{open}/state/m.room.member/{user}", """{"membership":"join"}""",
        TestName = "Joining_by_a_state_event_is_forbidden")]
    [TestCase("POST", "knock/{open}", "{}", TestName = "Knocking_is_forbidden")]
    [TestCase("PUT", "rooms/{open}/state/m.room.member/{user}", """{"membership":"knock"}""",
        TestName = "Knocking_by_a_state_event_is_forbidden")]
    [TestCase("POST", "rooms/{invited}/join", "{}", TestName = "Accepting_an_invite_is_forbidden")]
    [TestCase("POST", "rooms/{room}/invite", """{"user_id":"@x:test.example"}""",
        TestName = "Sending_an_invite_is_forbidden")]
    [TestCase("PUT", "rooms/{room}/state/m.room.member/@x:test.example", """{"membership":"invite"}""",
        TestName = "Sending_an_invite_by_a_state_event_is_forbidden")]
    [TestCase("PUT", "rooms/{room}/send/m.room.message/{txn}", Message, TestName = "Sending_a_message_is_forbidden")]
    [TestCase("PUT", "rooms/{room}/send/m.reaction/{txn}", "{}", TestName = "Sending_a_reaction_is_forbidden")]
    [TestCase("PUT", "rooms/{room}/send/m.room.redaction/{txn}", "{}",
        TestName = "A_redaction_of_nothing_is_forbidden")]
    [TestCase("PUT", "rooms/{room}/state/m.room.topic/", """{"topic":"x"}""",
        TestName = "Sending_state_is_forbidden")]
    [TestCase("PUT", "rooms/{room}/state/m.room.member/{user}", """{"membership":"join","displayname":"x"}""",
        TestName = "Another_name_in_one_room_is_forbidden")]
    [TestCase("PUT", "profile/{user}/displayname", """{"displayname":"x"}""",
        TestName = "Changing_the_display_name_is_forbidden")]
    [TestCase("PUT", "profile/{user}/avatar_url", """{"avatar_url":"mxc://a/b"}""",
        TestName = "Changing_the_avatar_is_forbidden")]
    [TestCase("PUT", "profile/{user}/m.tz", """{"m.tz":"UTC"}""",
        TestName = "Changing_another_profile_field_is_forbidden")]
    [TestCase("DELETE", "profile/{user}/displayname", null, TestName = "Deleting_the_display_name_is_forbidden")]
    [TestCase("DELETE", "profile/{user}/m.tz", null, TestName = "Deleting_another_profile_field_is_forbidden")]
    [TestCase("PUT", "rooms/{room}/redact/{others}/{txn}", "{}",
        TestName = "Redacting_other_users_events_is_forbidden")]
    [TestCase("PUT", "rooms/{room}/send/m.room.redaction/{txn}", """{"redacts":"{others}"}""",
        TestName = "Redacting_other_users_events_by_an_event_is_forbidden")]
    [TestCase("PUT", "rooms/{room}/send/m.room.redaction/{txn}", """{"redacts":"{own}","body":"still talking"}""",
        TestName = "A_redaction_with_more_than_a_reason_is_forbidden")]
    [TestCase("PUT", "rooms/{room}/state/m.room.member/{user}", """{"membership":"leave","displayname":"x"}""",
        TestName = "A_leave_with_more_than_a_reason_is_forbidden")]
    [TestCase("PUT", "sendToDevice/m.room.encrypted/{txn}", """{"messages":{}}""",
        TestName = "Messages_to_devices_that_verify_nothing_are_forbidden")]
    [TestCase("PUT", "sendToDevice/org.example.chat/{txn}", """{"messages":{}}""",
        TestName = "Messages_to_devices_of_ones_own_type_are_forbidden")]
    [TestCase("POST", "createRoom", "{}", TestName = "Creating_a_room_is_forbidden")]
    [TestCase("POST", "rooms/{room}/upgrade", """{"new_version":"11"}""", TestName = "Upgrading_a_room_is_forbidden")]
    [TestCase("POST", "rooms/{room}/kick", """{"user_id":"{admin}"}""", TestName = "Kicking_is_forbidden")]
    [TestCase("POST", "rooms/{room}/ban", """{"user_id":"{admin}"}""", TestName = "Banning_is_forbidden")]
    [TestCase("PUT", "rooms/{room}/typing/{user}", """{"typing":true}""", TestName = "Typing_is_forbidden")]
    [TestCase("PUT", "presence/{user}/status", """{"presence":"online","status_msg":"x"}""",
        TestName = "A_status_message_is_forbidden")]
    [TestCase("POST", "/_matrix/media/v1/create", "{}", TestName = "Creating_media_is_forbidden")]
    [TestCase("PUT", "directory/room/%23x:test.example", """{"room_id":"{room}"}""",
        TestName = "Making_an_alias_is_forbidden")]
    public async Task What_others_would_notice(string method, string path, string? body) =>
        (await SendsAsync(method, path, body)).Is(403, "M_USER_SUSPENDED");

    [TestCase("GET", "sync", null, TestName = "Syncing_is_allowed")]
    [TestCase("GET", "rooms/{room}/messages?dir=b", null, TestName = "Reading_messages_is_allowed")]
    [TestCase("GET", "rooms/{room}/event/{others}", null, TestName = "Reading_an_event_is_allowed")]
    [TestCase("POST", "search", """{"search_categories":{"room_events":{"search_term":"mine"}}}""",
        TestName = "Searching_is_allowed")]
    [TestCase("POST", "user/{user}/filter", "{}", TestName = "Making_a_filter_is_allowed")]
    [TestCase("POST", "rooms/{room}/receipt/m.read/{others}", "{}", TestName = "Reading_up_to_an_event_is_allowed")]
    [TestCase("POST", "rooms/{room}/read_markers", """{"m.fully_read":"{others}"}""",
        TestName = "Moving_the_read_marker_is_allowed")]
    [TestCase("PUT", "sendToDevice/m.key.verification.request/{txn}", """{"messages":{}}""",
        TestName = "Verifying_devices_is_allowed")]
    [TestCase("POST", "keys/query", """{"device_keys":{}}""", TestName = "Querying_keys_is_allowed")]
    [TestCase("POST", "keys/claim", """{"one_time_keys":{}}""", TestName = "Claiming_keys_is_allowed")]
    [TestCase("POST", "keys/upload", "{}", TestName = "Uploading_keys_is_allowed")]
    [TestCase("POST", "keys/signatures/upload", "{}", TestName = "Uploading_signatures_is_allowed")]
    [TestCase("PUT", "user/{user}/account_data/m.cross_signing.master", "{}",
        TestName = "Writing_cross_signing_secrets_is_allowed")]
    [TestCase("POST", "rooms/{room}/leave", "{}", TestName = "Leaving_a_room_is_allowed")]
    [TestCase("POST", "rooms/{invited}/leave", "{}", TestName = "Rejecting_an_invite_is_allowed")]
    [TestCase("PUT", "rooms/{room}/state/m.room.member/{user}", """{"membership":"leave"}""",
        TestName = "Leaving_by_a_state_event_is_allowed")]
    [TestCase("PUT", "rooms/{room}/redact/{own}/{txn}", "{}", TestName = "Redacting_ones_own_event_is_allowed")]
    [TestCase("PUT", "rooms/{room}/send/m.room.redaction/{txn}", """{"redacts":"{own}"}""",
        TestName = "Redacting_ones_own_event_by_an_event_is_allowed")]
    [TestCase("PUT", "rooms/{room}/send/m.room.redaction/{txn}", """{"redacts":"{own}","reason":"sorry"}""",
        TestName = "A_redaction_may_have_a_reason")]
    [TestCase("PUT", "rooms/{room}/state/m.room.member/{user}", """{"membership":"leave","reason":"bye"}""",
        TestName = "A_leave_may_have_a_reason")]
    [TestCase("PUT", "devices/{device}", """{"display_name":"x"}""", TestName = "Naming_a_device_is_allowed")]
    [TestCase("POST", "logout", "{}", TestName = "Logging_out_is_allowed")]
    [TestCase("POST", "logout/all", "{}", TestName = "Logging_out_of_all_devices_is_allowed")]
    public async Task What_a_suspended_user_may_do(string method, string path, string? body) =>
        (await SendsAsync(method, path, body)).Is(200);

    [Test]
    public async Task A_suspended_user_fills_a_key_backup_and_deletes_it()
    {
        var version = (await _user.PostAsync("room_keys/version", new JsonObject
        {
            ["algorithm"] = "m.megolm_backup.v1.curve25519-aes-sha2",
            ["auth_data"] = new JsonObject { ["public_key"] = "abc" },
        })).Is(200).Member("version");

        (await _user.PutAsync(
            $"room_keys/keys?version={version}", new JsonObject { ["rooms"] = new JsonObject() })).Is(200);
        (await _user.DeleteAsync($"room_keys/version/{version}")).Is(200);
        (await _user.GetAsync("room_keys/version")).Is(404, NoVersion);
    }

    [Test]
    public async Task A_suspended_user_logs_in_deletes_devices_and_ends_the_account()
    {
        var second = await _user.LogsInAsync();
        (await second.PostAsync("createRoom")).Is(403, "M_USER_SUSPENDED");
        (await second.PostAsync($"{V1}login/get_token", new JsonObject { ["auth"] = _user.PasswordAuth() })).Is(200);
        (await second.DeleteAsync(
            $"devices/{_user.DeviceId}", new JsonObject { ["auth"] = _user.PasswordAuth() })).Is(200);
        Assert.That((await second.PostAsync("keys/device_signing/upload")).Errcode, Is.Not.EqualTo("M_USER_SUSPENDED"));

        (await second.PostAsync(
            "account/deactivate", new JsonObject { ["auth"] = _user.PasswordAuth() })).Is(200);
    }

    [Test]
    public async Task A_suspension_outlives_a_restart_and_ends()
    {
        await Server.RestartAsync();
        (await _user.PostAsync("createRoom")).Is(403, "M_USER_SUSPENDED");
        Assert.That((bool)(await Admin.GetAsync(SuspendPath(_user.UserId))).Is(200).Json["suspended"]!, Is.True);

        (await SuspendsAsync(_user.UserId, false)).Is(200);

        await _user.SaysAsync(_room, "back");
        await _user.JoinsAsync(_invitedTo);
        Assert.That((bool)(await Admin.GetAsync(SuspendPath(_user.UserId))).Is(200).Json["suspended"]!, Is.False);
    }

    [Test]
    public async Task A_suspended_user_joins_the_room_of_the_notices_that_say_why()
    {
        var notices = Server.Services.GetRequiredService<ServerNotices>();
        var sent = await notices.SendAsync(_user.UserId, "You are suspended.", false, CancellationToken.None);
        Assert.That(sent.IsOk, Is.True, sent.Failure?.Message);
        var room = (await _user.SyncsAsync()).Invited.Single(each => each != _invitedTo);

        await _user.JoinsAsync(room);

        Assert.That((await _user.SyncsAsync()).Bodies(room), Is.EqualTo(new[] { "You are suspended." }));
    }

    [Test]
    public async Task An_event_that_was_scheduled_before_the_suspension_is_not_sent()
    {
        (await SuspendsAsync(_user.UserId, false)).Is(200);
        var id = (await _user.PutAsync(
            $"rooms/{Esc(_room)}/send/m.room.message/{Next()}?org.matrix.msc4140.delay=3600000",
            JsonNode.Parse(Message))).Is(200).Member("delay_id");
        (await SuspendsAsync(_user.UserId)).Is(200);

        (await Server.Anyone.PostAsync($"{Delayed}/{id}/send")).Is(403, "M_USER_SUSPENDED");
    }

    private async Task<Reply> SendsAsync(string method, string path, string? body)
    {
        string Filled(string text, Func<string, string> as_) => text
            .Replace("{open}", as_(_open), StringComparison.Ordinal)
            .Replace("{room}", as_(_room), StringComparison.Ordinal)
            .Replace("{invited}", as_(_invitedTo), StringComparison.Ordinal)
            .Replace("{user}", as_(_user.UserId), StringComparison.Ordinal)
            .Replace("{admin}", as_(Admin.UserId), StringComparison.Ordinal)
            .Replace("{device}", as_(_user.DeviceId), StringComparison.Ordinal)
            .Replace("{own}", as_(_own), StringComparison.Ordinal)
            .Replace("{others}", as_(_others), StringComparison.Ordinal)
            .Replace("{txn}", Next(), StringComparison.Ordinal);

        using var content = body is null ? null : TestClient.Raw(Filled(body, static text => text));
        return await _user.SendAsync(new HttpMethod(method), Filled(path, Esc), content);
    }

    private static string Next() => $"t{Interlocked.Increment(ref _transactions)}";
}
