using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Notices;

/// <summary>Server notices, sent by the operator.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class ServerNoticesTests(string kind) : TwoUsersTests(kind)
{
    private const string Sender = "@server-notices:test.example";

    [Test]
    public async Task A_user_is_invited_to_one_room_with_the_tag_and_reads_all_notices_there()
    {
        var (status, said) = await SendsAsync(Alice.UserId, "We move on Sunday.");
        Assert.That((status, said), Is.EqualTo((200, said)), said);
        Assert.That(said, Does.StartWith("$"));
        await Server.RestartAsync();
        Assert.That((await SendsAsync(Alice.UserId, "We have moved.")).Status, Is.EqualTo(200));

        var room = (await Alice.SyncsAsync()).Invited.Single();
        await Alice.JoinsAsync(room);

        var sync = await Alice.SyncsAsync();
        Assert.That(sync.Bodies(room), Is.EqualTo(new[] { "We move on Sunday.", "We have moved." }));
        var notice = sync.Timeline(room).First(each => (string?)each["type"] == "m.room.message");
        Assert.That((string?)notice["sender"], Is.EqualTo(Sender));
        Assert.That((string?)notice["content"]!["msgtype"], Is.EqualTo("m.server_notice"));
        Assert.That((string?)notice["content"]!["server_notice_type"], Is.Not.Empty);
        Assert.That(
            sync.RoomAccountData(room).Single(each => (string?)each["type"] == "m.tag")["content"]!["tags"]!
                .AsObject().Select(tag => tag.Key),
            Is.EqualTo(new[] { "m.server_notice" }));
        var create = (await Alice.GetAsync($"rooms/{Esc(room)}/state/m.room.create/")).Is(200).Json;
        Assert.That((bool)create["m.federate"]!, Is.False);
        (await Alice.PutAsync(
            $"rooms/{Esc(room)}/send/m.room.message/1",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = "I answer" })).Is(403, "M_FORBIDDEN");
        Assert.That((await Bob.SyncsAsync()).Invited, Is.Empty);
    }

    [Test]
    public async Task The_invite_cannot_be_rejected_and_a_user_who_left_is_invited_again()
    {
        await SendsAsync(Alice.UserId, "one");
        var room = (await Alice.SyncsAsync()).Invited.Single();

        (await Alice.PostAsync($"rooms/{Esc(room)}/leave")).Is(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM");
        (await Alice.PutAsync(
            $"rooms/{Esc(room)}/state/m.room.member/{Esc(Alice.UserId)}",
            new JsonObject { ["membership"] = "leave" })).Is(403, "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM");
        (await Bob.PostAsync($"rooms/{Esc(room)}/leave")).Is(403, "M_FORBIDDEN");

        await Alice.JoinsAsync(room);
        (await Alice.DeleteAsync(
            $"user/{Esc(Alice.UserId)}/rooms/{Esc(room)}/tags/m.server_notice")).Is(200);
        await Alice.LeavesAsync(room);
        await SendsAsync(Alice.UserId, "two");

        Assert.That((await Alice.SyncsAsync()).Invited, Is.EqualTo(new[] { room }));
        var tags = (await Alice.GetAsync($"user/{Esc(Alice.UserId)}/rooms/{Esc(room)}/tags")).Is(200).Json;
        Assert.That(tags["tags"]!.AsObject().Select(tag => tag.Key), Is.EqualTo(new[] { "m.server_notice" }));
    }

    [Test]
    public async Task A_pinned_notice_is_the_only_one()
    {
        await SendsAsync(Alice.UserId, "old", pin: true);
        var (_, said) = await SendsAsync(Alice.UserId, "new", pin: true);
        var room = (await Alice.SyncsAsync()).Invited.Single();
        await Alice.JoinsAsync(room);

        var pinned = (await Alice.GetAsync($"rooms/{Esc(room)}/state/m.room.pinned_events/")).Is(200).Json["pinned"]!;
        Assert.That(pinned.AsArray().Select(id => (string?)id), Is.EqualTo(new[] { said }));
    }

    [Test]
    public async Task Notices_at_once_make_one_room()
    {
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => SendsAsync(Alice.UserId, $"{i}")));

        Assert.That((await Alice.SyncsAsync()).Invited, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task What_cannot_be_sent_is_said_and_nobody_takes_the_senders_name()
    {
        Assert.That(await SendsAsync("@nobody:test.example", "x"), Is.EqualTo(
            (404, "There is no user @nobody:test.example on this server.")));
        Assert.That((await SendsAsync("@alice:other.example", "x")).Status, Is.InRange(400, 404));
        Assert.That((await SendsAsync(Alice.UserId, " ")).Status, Is.InRange(400, 404));
        Assert.That((await SendsAsync(Alice.UserId, new string('x', 70_000))).Status, Is.EqualTo(413));
        Assert.That((await SendsAsync(Alice.UserId, new string('x', 65_530))).Status, Is.EqualTo(413));
        var register = new JsonObject
        {
            ["username"] = "Server-Notices",
            ["password"] = "a-password",
            ["auth"] = new JsonObject { ["type"] = "m.login.dummy" },
        };
        (await Server.Anyone.PostAsync("register", register)).Is(400, "M_USER_IN_USE");

        await Server.RestartAsync(("server_notices.localpart", "bob"));
        Assert.That((await SendsAsync(Alice.UserId, "x")).Text, Does.Contain("somebody's account"));
        await Server.RestartAsync(("server_notices.localpart", ""));
        Assert.That((await SendsAsync(Alice.UserId, "x")).Text, Does.Contain("no notices"));
        Assert.That((await Alice.SyncsAsync()).Invited, Has.Count.LessThanOrEqualTo(1));
    }

    [Test]
    public async Task A_user_who_deactivates_leaves_the_room_that_they_were_invited_to()
    {
        await SendsAsync(Alice.UserId, "one");

        (await Alice.PostAsync("account/deactivate", new JsonObject { ["auth"] = Alice.PasswordAuth() })).Is(200);

        Assert.That((await SendsAsync(Alice.UserId, "two")).Status, Is.EqualTo(404));
        Assert.That(Server.Log, Does.Not.Contain("could not leave"));
    }

    private static string Esc(string text) => UserActions.Esc(text);

    /// <summary>Sends a notice. Returns its id, or the error.</summary>
    private async Task<(int Status, string? Text)> SendsAsync(string userId, string text, bool pin = false)
    {
        var (status, json) = await Server.OperatorAsync(HttpMethod.Post, "send_server_notice", new JsonObject
        {
            ["user_id"] = userId,
            ["pin"] = pin,
            ["content"] = new JsonObject { ["msgtype"] = "m.text", ["body"] = text },
        });
        return (status, (string?)(json["event_id"] ?? json["error"]));
    }
}
