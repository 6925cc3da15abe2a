using System.Text;
using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Push;

/// <summary>Pushes by HTTP. Push Gateway API.</summary>
internal sealed class HttpPusherTests(string databaseKind) : PushedTests(databaseKind)
{
    [Test]
    public async Task A_message_is_pushed_with_its_event_its_room_and_the_count()
    {
        var name = new JsonObject { ["displayname"] = "Alice" };
        (await Alice.PutAsync($"profile/{UserActions.Esc(Alice.UserId)}/displayname", name)).Is(200);
        await Alice.SetsAsync(Room, "m.room.name", new JsonObject { ["name"] = "Control" });
        var sent = await Alice.SaysAsync(Room, "hello");

        var push = await Gateway.NextAsync();

        Assert.That((string?)push["event_id"], Is.EqualTo(sent));
        Assert.That((string?)push["room_id"], Is.EqualTo(Room));
        Assert.That((string?)push["type"], Is.EqualTo("m.room.message"));
        Assert.That((string?)push["sender"], Is.EqualTo(Alice.UserId));
        Assert.That((string?)push["sender_display_name"], Is.EqualTo("Alice"));
        Assert.That((string?)push["room_name"], Is.EqualTo("Control"));
        Assert.That((string?)push["content"]!["body"], Is.EqualTo("hello"));
        Assert.That((int?)push["counts"]!["unread"], Is.EqualTo(1));
        Assert.That((string?)push["prio"], Is.EqualTo("high"), "a room of two makes a sound");
        var device = push["devices"]!.AsArray().Single()!.AsObject();
        Assert.That((string?)device["app_id"], Is.EqualTo("org.example.app"));
        Assert.That((string?)device["pushkey"], Is.EqualTo("key"));
        Assert.That((long)device["pushkey_ts"]!, Is.EqualTo(DateTimeOffset.UtcNow.ToUnixTimeSeconds()).Within(600));
        Assert.That(device["data"]!.ToJsonString(), Is.EqualTo("""{"custom":{"n":1}}"""), "all but the URL");
        Assert.That(device["tweaks"]!.ToJsonString(), Is.EqualTo("""{"sound":"default"}"""));
    }

    [Test]
    public async Task A_pusher_of_ids_alone_gets_no_content()
    {
        var pusher = Gateway.Pusher();
        pusher["data"]!["format"] = "event_id_only";
        (await Bob.PostAsync("pushers/set", pusher)).Is(200);
        var sent = await Alice.SaysAsync(Room, "hello");

        var push = await Gateway.NextAsync();

        Assert.That(
            push.Select(member => member.Key),
            Is.EquivalentTo(new[] { "event_id", "room_id", "prio", "counts", "devices" }));
        Assert.That((string?)push["event_id"], Is.EqualTo(sent));
        Assert.That((string?)push["devices"]![0]!["data"]!["format"], Is.EqualTo("event_id_only"));
    }

    [Test]
    public async Task An_invite_of_another_server_is_pushed_once_and_not_after_it_was_declined()
    {
        await InvitedFromElsewhereAsync("one");
        var push = await Gateway.NextAsync();

        Assert.That((string?)push["event_id"], Is.EqualTo("$one"));
        Assert.That((string?)push["room_id"], Is.EqualTo("!one:elsewhere.example"));
        Assert.That((string?)push["type"], Is.EqualTo("m.room.member"));
        Assert.That((string?)push["sender_display_name"], Is.EqualTo("Eve"));
        Assert.That((string?)push["room_name"], Is.EqualTo("Elsewhere"));
        Assert.That((bool?)push["user_is_target"], Is.True);
        Assert.That((string?)push["content"]!["membership"], Is.EqualTo("invite"));

        // What waits while the gateway fails, also over a restart.
        Gateway.Answers = static (_, http) =>
        {
            http.Response.StatusCode = 502;
            return Task.CompletedTask;
        };
        await InvitedFromElsewhereAsync("two");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo("$two"));
        await InvitedFromElsewhereAsync("three");
        await StoredAsync(new StrippedRoomLeft(
            Bob.UserId, "!two:elsewhere.example", "$two", Bob.UserId, "$two", ReadOnlyMemory<byte>.Empty, 10));
        await Server.StopAsync();
        Gateway.Answers = null;
        Gateway.Forget();
        await Server.RestartAsync();

        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo("$three"));
    }

    [Test]
    public async Task An_invite_of_another_server_to_a_room_that_is_here_is_left_to_the_rooms_event()
    {
        var room = await Alice.CreatesRoomAsync();
        await InvitedFromElsewhereAsync("here", room);
        var sent = await Alice.SaysAsync(Room, "next");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(sent));

        // The same when it is read from the database.
        await Server.StopAsync();
        await Server.RestartAsync();
        var last = await Alice.SaysAsync(Room, "last");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(last));
    }

    private async Task InvitedFromElsewhereAsync(string name, string? roomId = null)
    {
        roomId ??= $"!{name}:elsewhere.example";
        var invite = new JsonObject
        {
            ["type"] = "m.room.member",
            ["state_key"] = Bob.UserId,
            ["sender"] = "@eve:elsewhere.example",
            ["room_id"] = roomId,
            ["content"] = new JsonObject { ["membership"] = "invite" },
            ["origin_server_ts"] = 1,
            ["depth"] = 1,
            ["prev_events"] = new JsonArray(),
            ["auth_events"] = new JsonArray(),
            ["hashes"] = new JsonObject { ["sha256"] = "" },
            ["signatures"] = new JsonObject(),
        };
        var state = """
            [{"type":"m.room.name","state_key":"","sender":"@eve:elsewhere.example","content":{"name":"Elsewhere"}},
             {"type":"m.room.member","state_key":"@eve:elsewhere.example","sender":"@eve:elsewhere.example",
              "content":{"membership":"join","displayname":"Eve"}}]
            """;
        await StoredAsync(new StrippedRoomEntered(
            Bob.UserId,
            new StrippedRoomRow(
                roomId, "11", "elsewhere.example", Membership.Invite, "@eve:elsewhere.example",
                "$" + name, Encoding.UTF8.GetBytes(invite.ToJsonString()), Encoding.UTF8.GetBytes(state), 0),
            10));
    }

    private async Task StoredAsync(Change change) =>
        await Server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(
            Batches.New(1).Add(change), CancellationToken.None);

    [Test]
    public async Task Pushes_that_fail_are_retried_and_the_order_stays()
    {
        var failures = 3;
        Gateway.Answers = (_, http) =>
        {
            if (Interlocked.Decrement(ref failures) >= 0) http.Response.StatusCode = 502;
            return Task.CompletedTask;
        };
        var first = await Alice.SaysAsync(Room, "one");
        var second = await Alice.SaysAsync(Room, "two");
        var third = await Alice.SaysAsync(Room, "three");

        var came = new List<string>();
        while (came.Count < 6) came.Add(await Gateway.NextEventAsync());

        Assert.That(came, Is.EqualTo(new[] { first, first, first, first, second, third }));
    }

    [Test]
    public async Task A_redirect_is_not_followed()
    {
        var redirects = 1;
        Gateway.Answers = (_, http) =>
        {
            if (Interlocked.Decrement(ref redirects) >= 0)
            {
                http.Response.StatusCode = 307;
                http.Response.Headers.Location = Gateway.Url;
            }

            return Task.CompletedTask;
        };
        var sent = await Alice.SaysAsync(Room, "one");
        var next = await Alice.SaysAsync(Room, "two");

        // It counts as a failure, and is retried at the address that the user gave.
        Assert.That(
            new[] { await Gateway.NextEventAsync(), await Gateway.NextEventAsync(), await Gateway.NextEventAsync() },
            Is.EqualTo(new[] { sent, sent, next }));
    }

    [Test]
    public async Task A_rejected_pushkey_ends_its_pusher_and_no_other()
    {
        await Gateway.SetAsync(Bob, "other");
        Gateway.Answers = (push, http) => (string?)push["devices"]![0]!["pushkey"] == "key"
            ? http.Response.Body.WriteAsync("""{"rejected":["key"]}"""u8.ToArray()).AsTask()
            : Task.CompletedTask;
        await Alice.SaysAsync(Room, "one");
        var keys = new[] { await KeyAsync(), await KeyAsync() };
        await Alice.SaysAsync(Room, "two");
        await Alice.SaysAsync(Room, "three");

        Assert.That(keys, Is.EquivalentTo(new[] { "key", "other" }));
        Assert.That(new[] { await KeyAsync(), await KeyAsync() }, Is.EqualTo(new[] { "other", "other" }));
        var left = (await Bob.GetAsync("pushers")).Is(200).Json["pushers"]!.AsArray();
        Assert.That(left.Select(pusher => (string?)pusher!["pushkey"]), Is.EqualTo(new[] { "other" }));
    }

    [Test]
    public async Task A_rejection_of_an_older_registration_does_not_end_the_new_one()
    {
        var release = new TaskCompletionSource();
        Gateway.Answers = async (_, http) =>
        {
            await release.Task.WaitAsync(http.RequestAborted);
            await http.Response.Body.WriteAsync("""{"rejected":["key"]}"""u8.ToArray());
        };
        var sent = await Alice.SaysAsync(Room, "one");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(sent));
        await Gateway.SetAsync(Bob);
        Gateway.Answers = null;
        release.SetResult();

        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(sent), "the new registration gets it");
        var next = await Alice.SaysAsync(Room, "two");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(next));
        Assert.That((await Bob.GetAsync("pushers")).Is(200).Json["pushers"]!.AsArray(), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_pusher_that_is_set_again_gets_the_same_count_again()
    {
        var sent = await Alice.SaysAsync(Room, "one");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(sent));
        await Bob.ReadsAsync(Room, sent);
        await Gateway.CountReachesAsync(0, ofEvents: false);
        await Gateway.SetAsync(Bob);

        await Bob.SaysAsync(Room, "nothing is unread still");

        await Gateway.CountReachesAsync(0, ofEvents: false);
    }

    [Test]
    public async Task A_purge_of_unread_messages_pushes_the_count_alone()
    {
        var sent = await Alice.SaysAsync(Room, "one");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(sent));
        var storage = Server.Services.GetRequiredService<OpenedStorage>();
        var nid = (await storage.Events.FindAnywhereAsync(sent, 1, default)).Single().Nid;

        await storage.Writer.WriteAsync(
            Batches.New(2)
                .Add(new EventsPurged(nid.Room, [nid]))
                .Add(new HistoryPurged(nid.Room, new EventNid(nid.Value + 1), [Bob.UserId])),
            default);

        await Gateway.CountReachesAsync(0);
    }

    [Test]
    public async Task Reading_on_another_device_pushes_the_count_alone()
    {
        var other = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(other);
        await Alice.SaysAsync(Room, "one");
        var last = await Alice.SaysAsync(Room, "two");
        var elsewhere = await Alice.SaysAsync(other, "three");
        await Gateway.NextEventAsync();
        await Gateway.NextEventAsync();
        var push = await Gateway.NextAsync();
        Assert.That((int?)push["counts"]!["unread"], Is.EqualTo(2), "two rooms");

        // On a busy machine a push may be made again, because its response came too late. It has the new count too.
        await Bob.ReadsAsync(Room, last);
        await Gateway.CountReachesAsync(1);
        await Bob.ReadsAsync(other, elsewhere, type: "m.read.private");
        await Gateway.CountReachesAsync(0);
    }

    [Test]
    public async Task What_notifies_nobody_is_not_pushed_nor_what_was_read_or_redacted_before()
    {
        Gateway.Answers = (_, http) =>
        {
            http.Response.StatusCode = 500;
            return Task.CompletedTask;
        };
        await Bob.SaysAsync(Room, "my own");
        // What comes after it waits for it until Bob has read it.
        var read = await Alice.SaysAsync(Room, "read");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(read));
        await Alice.SendsAsync(Room, "m.room.message", new JsonObject { ["msgtype"] = "m.notice", ["body"] = "no" });
        var redacted = await Alice.SaysAsync(Room, "redacted");
        (await Alice.PutAsync($"rooms/{UserActions.Esc(Room)}/redact/{UserActions.Esc(redacted)}/1")).Is(200);
        await Bob.ReadsAsync(Room, read);
        Gateway.Answers = null;
        var sent = await Alice.SaysAsync(Room, "pushed");

        var came = read;
        while (came == read) came = await Gateway.NextEventAsync();

        Assert.That(came, Is.EqualTo(sent));
    }

    [Test]
    public async Task What_was_answered_in_its_thread_is_not_pushed()
    {
        var (one, two) = (await Alice.SaysAsync(Room, "one"), await Alice.SaysAsync(Room, "two"));
        Assert.That(
            new[] { await Gateway.NextEventAsync(), await Gateway.NextEventAsync() }, Is.EqualTo(new[] { one, two }));
        Gateway.Answers = Overloaded;
        var open = await Alice.SaysAsync(Room, "not answered", content => InThread(content, one));
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(open));
        await Alice.SaysAsync(Room, "answered");
        await Alice.SaysAsync(Room, "answered too", content => InThread(content, two));
        await Bob.SaysAsync(Room, "an answer");
        await Bob.SaysAsync(Room, "an answer in the thread", content => InThread(content, two));
        var last = await Alice.SaysAsync(Room, "last");
        Gateway.Answers = null;

        var came = new List<string>();
        while (came.Count == 0 || came[^1] != last) came.Add(await Gateway.NextEventAsync());

        Assert.That(came.Distinct(), Is.EqualTo(new[] { open, last }));

        static void InThread(JsonObject content, string root) => content["m.relates_to"] = new JsonObject
        {
            ["rel_type"] = "m.thread",
            ["event_id"] = root,
        };
    }

    [Test]
    public async Task An_invite_is_pushed_to_its_target()
    {
        var room = await Alice.CreatesRoomAsync();
        await Alice.InvitesAsync(room, Bob);

        var push = await Gateway.NextAsync();

        Assert.That((string?)push["room_id"], Is.EqualTo(room));
        Assert.That((bool?)push["user_is_target"], Is.True);
        Assert.That((string?)push["content"]!["membership"], Is.EqualTo("invite"));
    }

    [Test]
    public async Task An_invite_that_was_taken_back_accepted_or_blocked_meanwhile_is_not_pushed()
    {
        Gateway.Answers = Overloaded;
        var first = await Alice.SaysAsync(Room, "first");
        Assert.That(await Gateway.NextEventAsync(), Is.EqualTo(first));
        var (taken, accepted, blocked) = (
            await Alice.CreatesRoomAsync(), await Alice.CreatesRoomAsync(), await Alice.CreatesRoomAsync());
        foreach (var room in new[] { taken, accepted, blocked }) await Alice.InvitesAsync(room, Bob);
        await Alice.KicksAsync(taken, Bob);
        await Bob.JoinsAsync(accepted);
        await Bob.SetsAccountDataAsync(
            "m.invite_permission_config", new JsonObject { ["default_action"] = "block" });
        var last = await Alice.SaysAsync(Room, "last");
        Gateway.Answers = null;

        var came = first;
        while (came == first) came = await Gateway.NextEventAsync();

        Assert.That(came, Is.EqualTo(last));
    }

    [Test]
    public async Task A_push_that_its_gateway_always_refuses_does_not_hold_up_later_ones()
    {
        await Server.RestartAsync(("push.refused_time", "50ms"));
        Gateway.Answers = (push, http) =>
        {
            if ((string?)push["content"]?["body"] == "bad") http.Response.StatusCode = 400;
            return Task.CompletedTask;
        };
        var bad = await Alice.SaysAsync(Room, "bad");
        var good = await Alice.SaysAsync(Room, "good");

        var came = bad;
        while (came == bad) came = await Gateway.NextEventAsync();

        Assert.That(came, Is.EqualTo(good));
    }

    [Test]
    public async Task The_count_is_sent_when_a_push_was_dropped_because_it_was_late()
    {
        await Server.RestartAsync(("push.push_time", "200ms"));
        Gateway.Answers = (push, http) => push["event_id"] is null ? Task.CompletedTask : Overloaded(push, http);
        await Alice.SaysAsync(Room, "one");

        await Gateway.CountReachesAsync(1, ofEvents: false);
    }

    [Test]
    public async Task What_waits_while_a_gateway_does_not_answer_is_bounded()
    {
        await Server.RestartAsync(("push.waiting_pushes", "4"));
        await Gateway.SetAsync(Bob, "other");
        var held = new TaskCompletionSource();
        Gateway.Answers = (push, http) => (string?)push["devices"]![0]!["pushkey"] == "key"
            ? held.Task.WaitAsync(http.RequestAborted)
            : Task.CompletedTask;
        var last = "";
        for (var i = 0; i < 12; i++) last = await Alice.SaysAsync(Room, $"{i}");

        // Both pushers are owed an event by the same write.
        for (var came = ""; came != last;) came = await Gateway.NextEventAsync();
        held.SetResult();
        var events = 0;
        for (var came = ""; came != last; events++) came = await Gateway.NextEventAsync();

        Assert.That(events, Is.LessThanOrEqualTo(5), "four, and one more since the last trim");
    }

    [Test]
    public async Task A_mention_has_the_tweak_of_a_highlight()
    {
        var carol = await Server.RegistersAsync("carol");
        await carol.JoinsAsync(Room);
        await Alice.SendsAsync(Room, "m.room.message", Mention(carol.UserId));
        await Alice.SendsAsync(Room, "m.room.message", Mention(Bob.UserId));

        var (other, mine) = (await Gateway.NextAsync(), await Gateway.NextAsync());

        Assert.That(other["devices"]![0]!["tweaks"]!.ToJsonString(), Is.EqualTo("{}"));
        Assert.That((string?)other["prio"], Is.EqualTo("low"));
        Assert.That(
            mine["devices"]![0]!["tweaks"]!.ToJsonString(), Is.EqualTo("""{"highlight":true,"sound":"default"}"""));
    }

    private static JsonObject Mention(string userId) => new()
    {
        ["msgtype"] = "m.text",
        ["body"] = "hey",
        ["m.mentions"] = new JsonObject { ["user_ids"] = new JsonArray(userId) },
    };

    /// <summary>A gateway that takes nothing for now.</summary>
    private static Task Overloaded(JsonObject push, HttpContext http)
    {
        http.Response.StatusCode = 503;
        return Task.CompletedTask;
    }

    private async Task<string?> KeyAsync()
    {
        JsonObject push;
        do push = await Gateway.NextAsync();
        while (push["event_id"] is null);
        return (string?)push["devices"]![0]!["pushkey"];
    }
}
