using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Sync;

/// <summary>Rooms in sync that users join, leave and are invited to. Client-Server API, "Syncing".</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class SyncRoomTests(string kind) : TwoUsersTests(kind)
{
    [Test]
    public async Task A_room_that_one_joins_comes_whole()
    {
        var room = await Alice.CreatesRoomAsync(with: new JsonObject { ["name"] = "Kitchen" });
        await Alice.SaysAsync(room, "before");
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.JoinsAsync(room);

        var sync = await Bob.SyncsAsync(since);
        Assert.That(sync.Joined, Is.EqualTo(new[] { room }));
        Assert.That(sync.Bodies(room), Does.Contain("before"));
        var known = sync.State(room).Concat(sync.Timeline(room)).Select(SyncReply.KeyOf);
        Assert.That(known, Is.SupersetOf(new[] { "m.room.create|", "m.room.name|", $"m.room.member|{Bob.UserId}" }));
    }

    [Test]
    public async Task A_new_member_of_a_room_with_history_for_members_sees_nothing_earlier()
    {
        var room = await Alice.CreatesRoomAsync(with: new JsonObject
        {
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.room.history_visibility",
                ["state_key"] = "",
                ["content"] = new JsonObject { ["history_visibility"] = "joined" },
            }),
        });
        await Alice.SaysAsync(room, "secret");
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.JoinsAsync(room);
        await Alice.SaysAsync(room, "welcome");

        var sync = await Bob.SyncsAsync(since);
        Assert.That(sync.Bodies(room), Is.EqualTo(new[] { "welcome" }));
        Assert.That(
            sync.Timeline(room).Select(SyncReply.KeyOf),
            Does.Contain($"m.room.member|{Bob.UserId}"),
            "One's own joining is visible.");
        Assert.That(
            sync.State(room).Concat(sync.Timeline(room)).Select(SyncReply.KeyOf),
            Does.Contain("m.room.create|"));
    }

    [Test]
    public async Task A_kicked_user_sees_the_kick_and_nothing_after()
    {
        var room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(room);
        var since = (await Bob.SyncsAsync()).Next;
        await Alice.SaysAsync(room, "last words");
        await Alice.KicksAsync(room, Bob);
        await Alice.SaysAsync(room, "he is gone");
        await Alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "him" });

        foreach (var query in new[] { "", "use_state_after=true" })
        {
            var sync = await Bob.SyncsAsync(since, query);
            Assert.That((sync.Joined, sync.Left), Is.EqualTo((Array.Empty<string>(), new[] { room })));
            Assert.That(sync.Bodies(room), Is.EqualTo(new[] { "last words" }));
            Assert.That((string?)sync.Timeline(room)[^1]["content"]!["membership"], Is.EqualTo("leave"));
            Assert.That(
                (query.Length == 0 ? sync.State(room) : sync.StateAfter(room)).Select(SyncReply.KeyOf),
                Has.None.EqualTo("m.room.topic|"));
            Assert.That((await Bob.SyncsAsync(sync.Next)).IsEmpty, Is.True);
        }
    }

    [Test]
    public async Task One_who_left_and_was_banned_later_sees_the_leaving_the_ban_and_nothing_in_between()
    {
        var room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(room);
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.LeavesAsync(room);
        await Alice.SaysAsync(room, "in between");
        await Alice.BansAsync(room, Bob);

        var sync = await Bob.SyncsAsync(since);
        Assert.That(sync.Left, Is.EqualTo(new[] { room }));
        Assert.That(sync.Bodies(room), Is.Empty);
        Assert.That(
            sync.Timeline(room).Select(e => (string?)e["content"]!["membership"]),
            Is.EqualTo(new[] { "leave", "ban" }));

        await Alice.SaysAsync(room, "and after");
        await Alice.PostAsync($"rooms/{UserActions.Esc(room)}/unban", new JsonObject { ["user_id"] = Bob.UserId });
        var later = await Bob.SyncsAsync(sync.Next);
        Assert.That(
            later.Timeline(room).Select(e => (string?)e["content"]!["membership"]),
            Is.EqualTo(new[] { "leave" }));
        Assert.That(later.State(room), Is.Empty);
        Assert.That((await Bob.SyncsAsync(later.Next)).IsEmpty, Is.True);
    }

    [Test]
    public async Task Rooms_that_one_left_are_shown_later_to_those_who_ask_for_them_and_forgotten_ones_to_nobody()
    {
        var left = await Alice.CreatesRoomAsync();
        var forgotten = await Alice.CreatesRoomAsync();
        foreach (var room in new[] { left, forgotten })
        {
            await Bob.JoinsAsync(room);
            await Alice.SaysAsync(room, "seen");
            await Bob.LeavesAsync(room);
            await Alice.SaysAsync(room, "unseen");
        }

        Assert.That((await Bob.PostAsync($"rooms/{UserActions.Esc(forgotten)}/forget")).Status, Is.EqualTo(200));
        Assert.That((await Bob.SyncsAsync()).Left, Is.Empty);
        var sync = await Bob.SyncsAsync(
            filter: new JsonObject { ["room"] = new JsonObject { ["include_leave"] = true } });
        Assert.That(sync.Left, Is.EqualTo(new[] { left }));
        Assert.That(sync.Bodies(left), Is.EqualTo(new[] { "seen" }));
    }

    [Test]
    public async Task An_invitation_comes_as_stripped_state_and_goes_when_it_is_declined()
    {
        var room = await Alice.CreatesRoomAsync(
            "private_chat",
            new JsonObject { ["name"] = "Kitchen", ["topic"] = "Cooking" });
        var since = (await Bob.SyncsAsync()).Next;
        await Alice.InvitesAsync(room, Bob);

        var sync = await Bob.SyncsAsync(since);
        Assert.That(sync.Invited, Is.EqualTo(new[] { room }));
        var state = sync.InviteState(room);
        Assert.That(state.Select(SyncReply.KeyOf), Is.SupersetOf(new[]
        {
            "m.room.create|", "m.room.name|", "m.room.topic|", "m.room.join_rules|", $"m.room.member|{Bob.UserId}",
        }));
        Assert.That(
            state.SelectMany(e => e.Select(m => m.Key)).Distinct(),
            Is.EquivalentTo(new[] { "content", "sender", "state_key", "type" }));
        Assert.That((await Bob.SyncsAsync()).Invited, Is.EqualTo(new[] { room }), "An initial sync has it as well.");

        await Alice.SaysAsync(room, "not for him");
        Assert.That((await Bob.SyncsAsync(sync.Next)).IsEmpty, Is.True);

        await Bob.LeavesAsync(room);
        var declined = await Bob.SyncsAsync(sync.Next);
        Assert.That(declined.Left, Is.EqualTo(new[] { room }));
        Assert.That(
            declined.Timeline(room).Select(SyncReply.KeyOf),
            Is.EqualTo(new[] { $"m.room.member|{Bob.UserId}" }));
        Assert.That(declined.State(room), Is.Empty, "He never joined.");
    }

    [Test]
    public async Task An_invite_is_not_shown_to_one_who_blocks_invites()
    {
        var since = (await Bob.SyncsAsync()).Next;
        var room = await Alice.CreatesRoomAsync();
        await Alice.InvitesAsync(room, Bob);
        await Bob.SetsAccountDataAsync("m.invite_permission_config", new JsonObject { ["default_action"] = "block" });
        Assert.That((await Bob.SyncsAsync(since)).Invited, Is.Empty);
        Assert.That((await Bob.SyncsAsync()).Invited, Is.Empty);

        await Bob.SetsAccountDataAsync("m.invite_permission_config", []);
        Assert.That((await Bob.SyncsAsync()).Invited, Is.EqualTo(new[] { room }));
    }
}
