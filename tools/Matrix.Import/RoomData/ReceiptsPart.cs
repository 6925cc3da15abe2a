using System.Globalization;
using Matrix.Core.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.RoomData;

/// <summary>
/// Receipts of all users, private and threaded ones too, room by room. A receipt for an event that is not in the
/// timeline here says nothing, and is left out.
/// </summary>
internal sealed class ReceiptsPart : IImportPart
{
    private const string Kind = "receipts";
    private const int PageSize = 500;

    public string Name => "receipts";

    public string Title => "receipts";

    // The second table has the same receipts in another form.
    public IReadOnlyList<string> Tables { get; } = ["receipts_linearized", "receipts_graph"];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM receipts_linearized", stop);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (context.Choices.WithoutHistory) return;
        var rooms = new CarriedRooms(context, progress, Kind);
        var (stream, room) = Place(progress.Reached);
        var page = new List<Receipt>(PageSize);
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT room_id, stream_id, receipt_type, user_id, event_id, thread_id, data FROM receipts_linearized
            WHERE (room_id, stream_id) > ($1, $2) ORDER BY room_id, stream_id
            """,
            stop,
            room,
            stream))
        {
            page.Add(new Receipt(
                row.Text(0),
                row.Int64(1),
                row.Text(2),
                row.Text(3),
                row.Text(4),
                row.TextOrNull(5) ?? "",
                row.TryObject(6, out var data) ? TimeOf(data) : 0));
            if (page.Count < PageSize) continue;
            await CarryAsync(context, progress, rooms, page, stop);
            page.Clear();
        }

        if (page.Count > 0) await CarryAsync(context, progress, rooms, page, stop);
    }

    private static async ValueTask CarryAsync(
        ImportContext context, PartProgress progress, CarriedRooms rooms, List<Receipt> page, CancellationToken stop)
    {
        progress.Read(Kind, page.Count);
        foreach (var ofRoom in page.GroupBy(static receipt => receipt.RoomId))
        {
            if (await rooms.FindAsync(ofRoom.Key, stop, ofRoom.Count()) is not { } room) continue;
            var nids = await context.Target.Events.NidsAsync(
                room, [.. ofRoom.Select(static receipt => receipt.EventId).Distinct()], stop);
            foreach (var receipt in ofRoom) Carry(context, progress, receipt, room, nids);
        }

        await progress.SaveAsync(
            string.Create(CultureInfo.InvariantCulture, $"{page[^1].Stream}\n{page[^1].RoomId}"), stop);
    }

    private static void Carry(
        ImportContext context, PartProgress progress, Receipt receipt, RoomNid room,
        IReadOnlyDictionary<string, EventNid> nids)
    {
        if (!nids.TryGetValue(receipt.EventId, out var nid) || nid.IsOutlier)
        {
            progress.LeaveOut(
                Kind,
                $"{receipt.Type} of {receipt.UserId} in {receipt.RoomId}",
                $"Its event {receipt.EventId} is not in the timeline.");
            return;
        }

        progress.Add(
            new ReceiptMoved(
                room,
                receipt.UserId,
                receipt.Type,
                receipt.ThreadId,
                nid,
                receipt.EventId,
                receipt.Time,
                context.IsLocal(receipt.UserId)),
            receipt.Stream);
        progress.Written(Kind);
    }

    private static (long Stream, string Room) Place(string? reached) =>
        reached?.Split('\n', 2) is [var stream, var room]
            ? (long.Parse(stream, CultureInfo.InvariantCulture), room)
            : (0, "");

    private static long TimeOf(JsonObject data) =>
        data.IndexOf("ts") is var at and >= 0 && data.Value(at) is Json.Int { Item: var time } ? time : 0;

    private sealed record Receipt(
        string RoomId, long Stream, string Type, string UserId, string EventId, string ThreadId, long Time);
}
