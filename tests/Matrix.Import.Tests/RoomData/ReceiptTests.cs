using System.Text.Json.Nodes;
using Matrix.Import.RoomData;
using Matrix.Import.Runs;

namespace Matrix.Import.Tests.RoomData;

/// <summary>Receipts as clients see them after an import.</summary>
internal sealed class ReceiptTests(string sourceKind, string targetKind) : PreparedRoomTests(sourceKind, targetKind)
{
    protected override IReadOnlyList<IImportPart> Parts => [new ReceiptsPart()];

    protected override IReadOnlyList<string> MoreTables =>
    [
        """
        CREATE TABLE receipts_linearized (
            stream_id BIGINT NOT NULL, room_id TEXT NOT NULL, receipt_type TEXT NOT NULL, user_id TEXT NOT NULL,
            event_id TEXT NOT NULL, data TEXT NOT NULL, instance_name TEXT, event_stream_ordering BIGINT,
            thread_id TEXT)
        """,
    ];

    [Test]
    public async Task Everyone_sees_public_receipts_and_their_users_private_ones()
    {
        var room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(room);
        var first = await Alice.SaysAsync(room, "first");
        var second = await Alice.SaysAsync(room, "second");
        await StopAsync();
        await PutAsync(3, room, "m.read", Bob.UserId, first, ts: 1_000);
        await PutAsync(5, room, "m.read.private", Bob.UserId, second, ts: 2_000);

        await CarryAsync(Parts);

        Assert.That(
            Receipt(await Alice.SyncsAsync(), room, first, "m.read")?["ts"]?.GetValue<long>(), Is.EqualTo(1_000));
        Assert.That(Receipt(await Alice.SyncsAsync(), room, second, "m.read.private"), Is.Null);
        var own = await Bob.SyncsAsync();
        Assert.That(Receipt(own, room, second, "m.read.private")?["ts"]?.GetValue<long>(), Is.EqualTo(2_000));
        Assert.That(own.Unread(room), Is.EqualTo((0, 0)));
    }

    [Test]
    public async Task Receipts_of_threads_leave_the_others_unread()
    {
        var room = await Alice.CreatesRoomAsync();
        await Bob.JoinsAsync(room);
        var root = await Alice.SaysAsync(room, "root");
        var reply = await Alice.SaysAsync(room, "in the thread", content => content["m.relates_to"] = new JsonObject
        {
            ["rel_type"] = "m.thread",
            ["event_id"] = root,
        });
        var last = await Alice.SaysAsync(room, "beside it");
        await StopAsync();
        await PutAsync(3, room, "m.read", Bob.UserId, last, thread: "main");

        await CarryAsync(Parts);

        var filter = new JsonObject
        {
            ["room"] = new JsonObject
            {
                ["timeline"] = new JsonObject { ["unread_thread_notifications"] = true },
            },
        };
        var sync = await Bob.SyncsAsync(filter: filter);
        Assert.That((sync.Unread(room).Notifications, sync.UnreadIn(room, root).Notifications), Is.EqualTo((0, 1)));

        await Bob.ReadsAsync(room, reply, root);
        Assert.That((await Bob.SyncsAsync(filter: filter)).UnreadIn(room, root).Notifications, Is.Zero);
    }

    [Test]
    public async Task A_receipt_for_an_event_that_is_not_here_is_left_out_by_name()
    {
        var room = await Alice.CreatesRoomAsync();
        await StopAsync();
        await PutAsync(3, room, "m.read", Bob.UserId, "$elsewhere");
        await PutAsync(4, "!gone:elsewhere.example", "m.read", Bob.UserId, "$elsewhere");
        await PutAsync(5, "!gone:elsewhere.example", "m.read", Alice.UserId, "$elsewhere");

        var counts = await CarryAsync(Parts);

        Assert.That(counts["receipts"].Kinds["receipts"], Is.EqualTo(new KindCount(3, 0, 3)));
        Assert.That(
            LeftOut.Select(static row => (row.Kind, row.Subject)),
            Is.EquivalentTo(new[]
            {
                ("receipts", $"m.read of {Bob.UserId} in {room}"),
                ("receipts", "!gone:elsewhere.example"),
            }));
    }

    private Task PutAsync(
        long stream, string room, string type, string user, string eventId, string? thread = null, long ts = 1) =>
        Source.InsertAsync(
            "receipts_linearized",
            ("stream_id", stream), ("room_id", room), ("receipt_type", type), ("user_id", user),
            ("event_id", eventId), ("data", $$"""{"ts":{{ts}}}"""), ("thread_id", thread));

    private JsonNode? Receipt(SyncReply sync, string room, string eventId, string type) => sync.Ephemeral(room)
        .Where(static each => (string?)each["type"] == "m.receipt")
        .Select(each => each["content"]?[eventId]?[type]?[Bob.UserId])
        .FirstOrDefault(static each => each is not null);
}
