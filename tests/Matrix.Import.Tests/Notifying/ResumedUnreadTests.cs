using System.Globalization;
using System.Text;
using Matrix.Host.Storage;
using Matrix.Import.Notifying;
using Matrix.Import.RoomData;
using Matrix.Import.Rooms;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Rooms;
using Matrix.Import.Tests.Runs;
using Matrix.Import.Tests.Support;

namespace Matrix.Import.Tests.Notifying;

/// <summary>An import that ends among receipts, and among the unread marks of a room, and is begun again.</summary>
internal sealed class ResumedUnreadTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    private const int Messages = 2_500;

    protected override IReadOnlyList<string> Tables => [.. SynapseTables.OfRooms, .. PushTables.All];

    protected override IReadOnlyList<IImportPart> Parts => [new RoomsPart(), new ReceiptsPart(), new UnreadPart()];

    [Test]
    public async Task Each_receipt_and_each_mark_is_there_once()
    {
        var (alice, bob) = (Id("alice"), Id("bob"));
        var room = SynapseRoom.Of(alice);
        room.Joins(bob);
        var sql = new StringBuilder("INSERT INTO event_push_summary_stream_ordering (stream_ordering) VALUES (0);\n");
        for (var at = 0; at < Messages; at++)
        {
            var said = room.Says(alice, $"{at} bob");
            sql.Append(
                CultureInfo.InvariantCulture,
                $"""
                INSERT INTO event_push_actions
                    (room_id, event_id, user_id, actions, stream_ordering, notif, highlight, thread_id)
                    VALUES ('{room.RoomId}', '{said.Id}', '{bob}', '', {said.Position}, 1, 1, 'main');
                INSERT INTO receipts_linearized
                    (stream_id, room_id, receipt_type, user_id, event_id, data)
                    VALUES ({said.Position}, '{room.RoomId}', 'm.read', '@r{at}:elsewhere.example', '{said.Id}', '[]');

                """);
        }

        await room.SaveAsync(Source);
        await Source.ExecuteAsync(sql.ToString());

        Assert.That(
            () => ImportAsync([new RoomsPart(), new InterruptedPart(new ReceiptsPart())]),
            Throws.TypeOf<InterruptedException>());
        Assert.That(await ReceiptsAsync(room), Is.InRange(1_000, Messages - 1), "It ended among receipts.");
        Assert.That(
            () => ImportAsync([new RoomsPart(), new ReceiptsPart(), new InterruptedPart(new UnreadPart())]),
            Throws.TypeOf<InterruptedException>());
        Assert.That(await MarksAsync(bob), Is.InRange(1_000, Messages - 1), "It ended among marks.");
        await ImportAsync();

        Assert.That((await ReceiptsAsync(room), await MarksAsync(bob)), Is.EqualTo((Messages, Messages)));
        Assert.That(Log.Lines, Does.Contain($"receipts: {Messages} receipts"));
        Assert.That(Log.Lines[^1], Does.Contain($"{Messages} unread marks"));
        Assert.That(Log.Lines[^1], Does.Contain("1 rooms, 2 unread counts that are as they were"));
    }

    private async Task<int> ReceiptsAsync(SynapseRoom room)
    {
        await using var target = await OpenTargetAsync(null);
        var nid = (await target.Rooms.FindAsync(room.RoomId, Stop))!.Nid;
        return (await target.Receipts.OfRoomAsync(nid, 0, long.MaxValue, Stop)).Count;
    }

    private async Task<int> MarksAsync(string user)
    {
        await using var target = await OpenTargetAsync(null);
        return (await target.Unread.RowsAsync(user, Stop)).Count;
    }
}
