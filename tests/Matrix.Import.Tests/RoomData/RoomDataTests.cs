using System.Text.Json.Nodes;
using Matrix.Import.RoomData;
using Matrix.Import.Runs;

namespace Matrix.Import.Tests.RoomData;

/// <summary>What belongs to rooms beside events, as clients see it after an import.</summary>
internal sealed class RoomDataTests(string sourceKind, string targetKind) : PreparedRoomTests(sourceKind, targetKind)
{
    protected override IReadOnlyList<IImportPart> Parts => RoomDataParts.All;

    protected override IReadOnlyList<string> MoreTables =>
    [
        """
        CREATE TABLE room_aliases (room_alias TEXT NOT NULL, room_id TEXT NOT NULL, creator TEXT);
        CREATE TABLE blocked_rooms (room_id TEXT NOT NULL, user_id TEXT NOT NULL);
        CREATE TABLE receipts_linearized (
            stream_id BIGINT NOT NULL, room_id TEXT NOT NULL, receipt_type TEXT NOT NULL, user_id TEXT NOT NULL,
            event_id TEXT NOT NULL, data TEXT NOT NULL, thread_id TEXT);
        CREATE TABLE room_account_data (
            user_id TEXT NOT NULL, room_id TEXT NOT NULL, account_data_type TEXT NOT NULL, stream_id BIGINT NOT NULL,
            content TEXT NOT NULL, instance_name TEXT);
        CREATE TABLE room_tags (
            user_id TEXT NOT NULL, room_id TEXT NOT NULL, tag TEXT NOT NULL, content TEXT NOT NULL);
        CREATE TABLE room_tags_revisions (
            user_id TEXT NOT NULL, room_id TEXT NOT NULL, stream_id BIGINT NOT NULL, instance_name TEXT);
        CREATE TABLE thread_subscriptions (
            stream_id BIGINT NOT NULL, instance_name TEXT NOT NULL, room_id TEXT NOT NULL, event_id TEXT NOT NULL,
            user_id TEXT NOT NULL, subscribed BOOLEAN NOT NULL, automatic BOOLEAN NOT NULL,
            unsubscribed_at_stream_ordering BIGINT, unsubscribed_at_topological_ordering BIGINT);
        """,
        DelayedTable.Text,
    ];

    [Test]
    public async Task Aliases_lead_to_their_rooms_and_belong_to_those_who_made_them()
    {
        var room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(room);
        await StopAsync();
        await Source.InsertAsync(
            "room_aliases", ("room_alias", $"#cats:{ServerName}"), ("room_id", room), ("creator", Bob.UserId));
        await Source.InsertAsync(
            "room_aliases", ("room_alias", $"#dogs:{ServerName}"), ("room_id", room), ("creator", null));
        await Source.InsertAsync(
            "room_aliases", ("room_alias", "#cats:elsewhere.example"), ("room_id", room), ("creator", null));
        await Source.InsertAsync(
            "room_aliases", ("room_alias", $"#lost:{ServerName}"), ("room_id", "!lost:x"), ("creator", null));

        await CarryAsync(Parts);

        foreach (var name in new[] { "cats", "dogs" })
        {
            Assert.That((await Alice.GetAsync(Alias(name))).Is(200).Member("room_id"), Is.EqualTo(room));
        }

        (await Bob.DeleteAsync(Alias("dogs"))).Is(403, "M_FORBIDDEN");
        (await Bob.DeleteAsync(Alias("cats"))).Is(200);
        Assert.That(
            LeftOut.Select(static row => row.Subject), Is.EquivalentTo(new[] { "#cats:elsewhere.example", "!lost:x" }));
    }

    [Test]
    public async Task Published_rooms_are_in_the_directory()
    {
        var (published, _) = (await Alice.CreatesRoomAsync(), await Alice.CreatesRoomAsync());
        await StopAsync();
        await Source.ExecuteAsync($"UPDATE rooms SET is_public = TRUE WHERE room_id = '{published}'");

        await CarryAsync(Parts);

        var listed = (await Alice.PostAsync("publicRooms", new JsonObject())).Is(200).Json["chunk"]!.AsArray();
        Assert.That(
            listed.Select(static room => (string)room!["room_id"]!), Is.EqualTo(new[] { published }));
    }

    [Test]
    public async Task Blocked_rooms_cannot_be_joined()
    {
        var room = await Alice.CreatesRoomAsync();
        await StopAsync();
        await Source.InsertAsync("blocked_rooms", ("room_id", room), ("user_id", Alice.UserId));

        await CarryAsync(Parts);

        (await Bob.PostAsync($"rooms/{UserActions.Esc(room)}/join")).Is(403, "M_FORBIDDEN");
    }

    [Test]
    public async Task Account_data_and_tags_of_rooms_are_as_they_were()
    {
        var room = await Alice.CreatesRoomAsync();
        var said = await Alice.SaysAsync(room, "read");
        await StopAsync();
        await DataAsync(11, room, "m.fully_read", $$"""{"event_id": "{{said}}"}""");
        await DataAsync(12, room, "org.example.odd\ntype", """{"float": 1.5, "umlaut": "ä"}""");
        await DataAsync(13, room, "org.example.broken", "{");
        await TagAsync(14, room, "m.favourite", """{"order": 0.25}""");
        await TagAsync(null, room, "u.work", "{}");

        await CarryAsync(Parts);

        var data = (await Alice.SyncsAsync()).RoomAccountData(room)
            .ToDictionary(static each => (string)each["type"]!, static each => each["content"]!);
        Assert.That((string?)data["m.fully_read"]["event_id"], Is.EqualTo(said));
        Assert.That((string?)data["org.example.odd\ntype"]["umlaut"], Is.EqualTo("ä"));
        Assert.That((double)data["m.tag"]["tags"]!["m.favourite"]!["order"]!, Is.EqualTo(0.25));
        Assert.That(data["m.tag"]["tags"]!["u.work"], Is.Not.Null);
        Assert.That(
            LeftOut.Select(static row => row.Subject),
            Is.EqualTo(new[] { $"org.example.broken of {Alice.UserId} in {room}" }));
    }

    [Test]
    public async Task A_room_whose_last_tag_was_removed_has_none()
    {
        var room = await Alice.CreatesRoomAsync();
        (await Alice.PutAsync(
            $"user/{UserActions.Esc(Alice.UserId)}/rooms/{UserActions.Esc(room)}/tags/u.old",
            new JsonObject())).Is(200);
        await StopAsync();
        await Source.InsertAsync(
            "room_tags_revisions", ("user_id", Alice.UserId), ("room_id", room), ("stream_id", 9));

        await CarryAsync(Parts);

        var tags = (await Alice.SyncsAsync()).RoomAccountData(room)
            .Single(static each => (string)each["type"]! == "m.tag");
        Assert.That(tags["content"]!["tags"]!.AsObject(), Is.Empty);
    }

    [Test]
    public async Task Subscriptions_to_threads_go_on()
    {
        var room = await Alice.CreatesRoomAsync();
        var (mine, mentioned, ended) =
            (await Alice.SaysAsync(room, "1"), await Alice.SaysAsync(room, "2"), await Alice.SaysAsync(room, "3"));
        await StopAsync();
        await ThreadAsync(21, room, mine, isSubscribed: true, isAutomatic: false);
        await ThreadAsync(22, room, mentioned, isSubscribed: true, isAutomatic: true);
        await ThreadAsync(23, room, ended, isSubscribed: false, isAutomatic: false);

        await CarryAsync(Parts);

        Assert.That(await StateAsync(mine), Is.EqualTo((200, (bool?)false)));
        Assert.That(await StateAsync(mentioned), Is.EqualTo((200, (bool?)true)));
        Assert.That(await StateAsync(ended), Is.EqualTo((404, (bool?)null)));

        async Task<(int, bool?)> StateAsync(string root)
        {
            var reply = await Alice.GetAsync(
                "/_matrix/client/unstable/io.element.msc4306/rooms/"
                + $"{UserActions.Esc(room)}/thread/{UserActions.Esc(root)}/subscription");
            return (reply.Status, (bool?)reply.Json["automatic"]);
        }
    }

    [Test]
    public async Task Delayed_events_are_restarted_and_sent_under_their_ids()
    {
        var room = await Alice.CreatesRoomAsync();
        await StopAsync();
        var soon = DateTimeOffset.UtcNow.AddHours(1).ToUnixTimeMilliseconds();
        await DelayAsync("syd_later", room, soon, "later", isProcessed: false);
        await DelayAsync("syd_begun", room, soon, "begun", isProcessed: true);
        await DelayAsync("syd_due", room, DateTimeOffset.UtcNow.AddHours(-1).ToUnixTimeMilliseconds(), "due", false);
        await Source.InsertAsync(
            "delayed_events",
            ("delay_id", "syd_broken"), ("user_localpart", "alice"), ("delay", 10), ("send_ts", soon),
            ("room_id", room), ("event_type", "m.room.message"), ("content", "[]"));

        await CarryAsync(Parts);

        (await DoAsync("syd_later", "restart")).Is(200);
        (await DoAsync("syd_later", "send")).Is(200);
        (await DoAsync("syd_begun", "cancel")).Is(200);
        (await DoAsync("syd_broken", "cancel")).Is(404, "M_NOT_FOUND");
        await Until.HoldsAsync(async () =>
            (await Alice.SyncsAsync()).Bodies(room).Order().SequenceEqual(["due", "later"]));
        Assert.That(
            LeftOut.Select(static row => row.Subject),
            Is.EqualTo(new[] { $"m.room.message of {Alice.UserId} in {room}" }));
    }

    private static string Alias(string name) => $"directory/room/{UserActions.Esc($"#{name}:{ServerName}")}";

    private Task<Reply> DoAsync(string delayId, string action) => Alice.PostAsync(
        $"/_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayId}",
            new JsonObject { ["action"] = action });

    private Task DataAsync(long stream, string room, string type, string content) => Source.InsertAsync(
        "room_account_data",
        ("user_id", Alice.UserId), ("room_id", room), ("account_data_type", type), ("stream_id", stream),
        ("content", content));

    private async Task TagAsync(long? revision, string room, string tag, string content)
    {
        await Source.InsertAsync(
            "room_tags", ("user_id", Alice.UserId), ("room_id", room), ("tag", tag), ("content", content));
        if (revision is null) return;
        await Source.InsertAsync(
            "room_tags_revisions", ("user_id", Alice.UserId), ("room_id", room), ("stream_id", revision));
    }

    private Task ThreadAsync(long stream, string room, string root, bool isSubscribed, bool isAutomatic) =>
        Source.InsertAsync(
            "thread_subscriptions",
            ("stream_id", stream), ("instance_name", "master"), ("room_id", room), ("event_id", root),
            ("user_id", Alice.UserId), ("subscribed", isSubscribed), ("automatic", isAutomatic));

    private Task DelayAsync(string id, string room, long sendAt, string body, bool isProcessed) => Source.InsertAsync(
        "delayed_events",
        ("delay_id", id), ("user_localpart", "alice"), ("device_id", Alice.DeviceId), ("delay", 60_000L),
        ("send_ts", sendAt), ("room_id", room), ("event_type", "m.room.message"),
        ("content", $$"""{"msgtype": "m.text", "body": "{{body}}"}"""), ("is_processed", isProcessed));
}
