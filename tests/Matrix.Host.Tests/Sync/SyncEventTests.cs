using System.Text.Json.Nodes;
using Matrix.Host.Tests.Support;

namespace Matrix.Host.Tests.Sync;

/// <summary>
/// Events in sync: `unsigned`, redactions, ignored senders, account data. Client-Server API,
/// "Syncing".
/// </summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class SyncEventTests(string kind) : TwoUsersTests(kind)
{
    [Test]
    public async Task Ignored_users_are_not_heard_but_the_state_they_make_is()
    {
        var room = await Alice.CreatesRoomAsync(with: new JsonObject
        {
            ["power_level_content_override"] = new JsonObject { ["events"] = new JsonObject { ["m.room.topic"] = 0 } },
        });
        await Bob.JoinsAsync(room);
        var since = (await Alice.SyncsAsync()).Next;
        await Alice.SetsAccountDataAsync(
            "m.ignored_user_list",
            new JsonObject { ["ignored_users"] = new JsonObject { [Bob.UserId] = new JsonObject() } });
        await Bob.SaysAsync(room, "can you hear me?");
        await Bob.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "still here" });
        await Bob.TypesAsync(room);
        await Bob.InvitesAsync(await Bob.CreatesRoomAsync(), Alice);

        var sync = await Alice.SyncsAsync(since);
        Assert.That(sync.Timeline(room).Select(e => (string?)e["type"]), Is.EqualTo(new[] { "m.room.topic" }));
        Assert.That(sync.Invited, Is.Empty);
        Assert.That(sync.Ephemeral(room).SelectMany(e => e["content"]!["user_ids"]?.AsArray() ?? []), Is.Empty);
    }

    [Test]
    public async Task Account_data_comes_with_its_change()
    {
        var room = await Alice.CreatesRoomAsync();
        await Alice.SetsAccountDataAsync("org.example", new JsonObject { ["a"] = 1 });
        await Alice.SetsAccountDataAsync("m.tag", new JsonObject { ["tags"] = new JsonObject() }, room);
        var sync = await Alice.SyncsAsync();
        Assert.That(
            sync.AccountData.Select(e => (string?)e["type"]),
            Does.Contain("org.example").And.Contain("m.push_rules"));
        Assert.That(sync.RoomAccountData(room).Select(e => (string?)e["type"]), Is.EqualTo(new[] { "m.tag" }));

        await Alice.SetsAccountDataAsync("org.example", new JsonObject { ["a"] = 2 });
        var next = await Alice.SyncsAsync(sync.Next);
        Assert.That(next.AccountData.Select(e => (int?)e["content"]!["a"]), Is.EqualTo(new int?[] { 2 }));
        Assert.That(next.Joined, Is.Empty);

        await Alice.SetsAccountDataAsync("m.tag", new JsonObject
        {
            ["tags"] = new JsonObject { ["m.favourite"] = new JsonObject() },
        }, room);
        Assert.That((await Alice.SyncsAsync(next.Next)).RoomAccountData(room), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task Transaction_ids_are_for_the_device_that_sent()
    {
        var room = await Alice.CreatesRoomAsync();
        var other = await Alice.LogsInAsync();
        var (since, otherSince) = ((await Alice.SyncsAsync()).Next, (await other.SyncsAsync()).Next);
        await Alice.SaysAsync(room, "mine", transaction: "mine-1");

        Assert.That(
            (string?)(await Alice.SyncsAsync(since)).Timeline(room)[0]["unsigned"]!["transaction_id"],
            Is.EqualTo("mine-1"));
        Assert.That((await other.SyncsAsync(otherSince)).Timeline(room)[0]["unsigned"]!["transaction_id"], Is.Null);
    }

    [Test]
    public async Task Unsigned_has_age_membership_and_replaced_state()
    {
        var room = await Alice.CreatesRoomAsync(with: new JsonObject { ["topic"] = "old" });
        var since = (await Bob.SyncsAsync()).Next;
        await Bob.JoinsAsync(room);
        await Alice.SetsAsync(room, "m.room.topic", new JsonObject { ["topic"] = "new" });

        var timeline = (await Bob.SyncsAsync(since)).Timeline(room);
        Assert.That((string?)timeline[0]["unsigned"]!["membership"], Is.EqualTo("leave"));
        var changed = timeline[^1]["unsigned"]!;
        Assert.That((string?)changed["membership"], Is.EqualTo("join"));
        Assert.That((string?)changed["prev_content"]!["topic"], Is.EqualTo("old"));
        Assert.That((string?)changed["replaces_state"], Does.StartWith("$"));
        Assert.That((long)changed["age"]!, Is.InRange(0, 60_000));
    }

    [Test]
    public async Task A_redacted_event_says_why()
    {
        var room = await Alice.CreatesRoomAsync();
        var id = await Alice.SaysAsync(room, "oops");
        await Alice.PutAsync($"rooms/{UserActions.Esc(room)}/redact/{UserActions.Esc(id)}/r1", new JsonObject
        {
            ["reason"] = "typo",
        });
        var redacted = (await Alice.SyncsAsync()).Timeline(room).Single(e => (string?)e["event_id"] == id);
        Assert.That(redacted["content"]!.AsObject(), Is.Empty);
        Assert.That((string?)redacted["unsigned"]!["redacted_because"]!["content"]!["reason"], Is.EqualTo("typo"));
    }
}
