using System.Text.Json.Nodes;
using Matrix.Import.People;
using Matrix.Import.Runs;
using Matrix.Import.Tests.RoomData;

namespace Matrix.Import.Tests.People;

/// <summary>What of people names rooms and events: rooms of server notices, and what pushers owe.</summary>
internal sealed class AfterRoomsTests(string sourceKind, string targetKind)
    : PreparedRoomTests(sourceKind, targetKind)
{
    protected override IReadOnlyList<IImportPart> Parts => PeopleParts.AfterRooms;

    protected override IReadOnlyList<string> MoreTables { get; } =
    [
        .. PeopleTables.All,
        """
        CREATE TABLE local_current_membership (
            room_id TEXT NOT NULL, user_id TEXT NOT NULL, event_id TEXT NOT NULL, membership TEXT NOT NULL,
            event_stream_ordering BIGINT)
        """,
        """
        CREATE TABLE event_push_actions (
            room_id TEXT NOT NULL, event_id TEXT NOT NULL, user_id TEXT NOT NULL, stream_ordering BIGINT,
            notif SMALLINT, highlight SMALLINT)
        """,
    ];

    [Test]
    public async Task A_pusher_owes_what_came_after_its_last_push()
    {
        var room = await Alice.CreatesRoomAsync();
        await Alice.InvitesAsync(room, Bob);
        await Bob.JoinsAsync(room);
        var pushed = await Alice.SaysAsync(room, "pushed");
        var quiet = await Alice.SaysAsync(room, "quiet");
        var owed = await Alice.SaysAsync(room, "owed");
        (await Bob.PostAsync("pushers/set", new JsonObject
        {
            ["kind"] = "http",
            ["app_id"] = "app",
            ["pushkey"] = "key",
            ["app_display_name"] = "App",
            ["device_display_name"] = "Device",
            ["lang"] = "en",
            ["data"] = new JsonObject { ["url"] = "https://127.0.0.1:9/_matrix/push/v1/notify" },
        })).Is(200);
        await StopAsync();
        long id;
        await using (var target = await OpenTargetAsync(numbers: null))
        {
            id = (await target.Pushers.OfUserAsync(Bob.UserId, Stop)).Single().PusherId;
        }

        await PusherAsync(id, enabled: true);
        foreach (var (eventId, notifies) in new[] { (pushed, 1), (quiet, 0), (owed, 1), ("$lost", 1) })
        {
            if (eventId == "$lost") await LostEventAsync(room);
            await Source.InsertAsync(
                "event_push_actions", ("room_id", room), ("event_id", eventId), ("user_id", Bob.UserId),
                ("stream_ordering", Positions.GetValueOrDefault(eventId, long.MaxValue)), ("notif", notifies));
        }

        await CarryAsync(new OwedPushesPart());

        await Server.StopAsync();
        await using var after = await OpenTargetAsync(numbers: null);
        var pending = await after.Pushers.PendingAsync(id, 10, Stop);
        Assert.That(pending.Where(static push => !push.Event.IsNone).Select(static push => push.Position),
            Is.EqualTo(new[] { Positions[owed] }));
        Assert.That(LeftOut.Select(static row => row.Subject), Is.EqualTo(new[] { $"{Bob.UserId} $lost" }));

        async Task PusherAsync(long pusherId, bool enabled) => await Source.InsertAsync(
            "pushers", ("id", pusherId), ("user_name", Bob.UserId), ("profile_tag", ""), ("kind", "http"),
            ("app_id", "app"), ("app_display_name", "App"), ("device_display_name", "Device"), ("pushkey", "key"),
            ("ts", 1), ("last_stream_ordering", Positions[pushed]), ("enabled", enabled));
    }

    [Test]
    public async Task A_user_keeps_their_room_of_server_notices()
    {
        var room = await Alice.CreatesRoomAsync();
        await Alice.InvitesAsync(room, Bob);
        var other = await Bob.CreatesRoomAsync();
        await StopAsync();
        Settings = new SourceSettings { NoticesUser = "alice" };
        foreach (var user in new[] { Alice, Bob }) await Source.InsertAsync("users", ("name", user.UserId));
        await MemberAsync(room, Alice.UserId, "join");
        await MemberAsync(room, Bob.UserId, "invite");
        await MemberAsync(other, Bob.UserId, "join");

        await CarryAsync(new NoticeRoomsPart());

        await Server.StopAsync();
        await using var target = await OpenTargetAsync(numbers: null);
        var found = await target.ServerNotices.FindAsync(Bob.UserId, Stop);
        Assert.That(found, Is.EqualTo((await target.Rooms.FindAsync(room, Stop))!.Nid));
        Assert.That(await target.ServerNotices.FindAsync(Alice.UserId, Stop), Is.Null);
    }

    private Task MemberAsync(string room, string userId, string membership) => Source.InsertAsync(
        "local_current_membership", ("room_id", room), ("user_id", userId), ("event_id", "$e"),
        ("membership", membership), ("event_stream_ordering", 1));

    private Task LostEventAsync(string room) => Source.InsertAsync(
        "events", ("stream_ordering", long.MaxValue), ("topological_ordering", 1), ("event_id", "$lost"),
        ("type", "m.room.message"), ("room_id", room), ("outlier", false));
}
