using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Sync.V3;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Receipts of the rooms that the client has. MSC3960.</summary>
internal sealed class ReceiptsExtension(ReceiptsTable receiptsTable, Notifier notifier, EphemeralReader ephemeral)
    : ISlidingExtension
{
    public const string UsualName = "receipts";

    public string Name => UsualName;

    public async ValueTask WriteAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop)
    {
        var rooms = ExtensionRooms.Of(pass, request).Where(match => MayHaveNews(pass, match)).ToList();
        if (rooms.Count == 0) return;
        var found = await ReadAsync(pass, rooms, stop);
        var isOpen = false;
        foreach (var match in rooms)
        {
            var roomId = match.Room.RoomId;
            pass.Next.Rooms[roomId] = pass.SentOf(roomId)! with { Receipts = pass.UpTo };
            if (!found.TryGetValue(match.Room.Nid!.Value, out var all)) continue;
            var shown = ephemeral.Shown(all, pass.Reader.UserId, pass.Ignored);
            if (shown.Count == 0) continue;
            if (!isOpen)
            {
                pass.Json.WriteStartObject(Name);
                pass.Json.WriteStartObject("rooms"u8);
                isOpen = true;
            }

            Write(pass, roomId, shown);
        }

        if (!isOpen) return;
        pass.HasNews = true;
        pass.Json.WriteEndObject();
        pass.Json.WriteEndObject();
    }

    private static bool MayHaveNews(SlidingPass pass, RoomMatch match)
    {
        if (match.Room is not { Membership: Membership.Join, Nid: not null }) return false;
        return match.Parts is not { } parts
            || parts == RoomParts.None
            || (parts & (RoomParts.Receipts | RoomParts.OwnReceipts)) != 0
            || pass.SentOf(match.Room.RoomId)!.Receipts == 0;
    }

    /// <summary>
    /// The receipts that the client does not have: from the notifier's memory where it reaches back, and the others
    /// with one query.
    /// </summary>
    private async ValueTask<Dictionary<RoomNid, List<ReceiptMark>>> ReadAsync(
        SlidingPass pass, List<RoomMatch> rooms, CancellationToken stop)
    {
        var found = new Dictionary<RoomNid, List<ReceiptMark>>();
        var asked = new Dictionary<RoomNid, long>();
        foreach (var match in rooms)
        {
            var nid = match.Room.Nid!.Value;
            var after = pass.SentOf(match.Room.RoomId)!.Receipts;
            var known = new List<ReceiptMark>();
            if (notifier.Room(nid) is { } stream && stream.TryReceipts(after, pass.UpTo, known)) found[nid] = known;
            else asked[nid] = after;
        }

        if (asked.Count == 0) return found;
        foreach (var row in await receiptsTable
            .OfRoomsAsync([.. asked.Keys], asked.Values.Min(), pass.UpTo, stop))
        {
            if (row.Position <= asked[row.Room]) continue;
            if (!found.TryGetValue(row.Room, out var ofRoom)) found[row.Room] = ofRoom = [];
            ofRoom.Add(new ReceiptMark(row.Position, row.UserId, row.Type, row.ThreadId, row.EventId, row.Timestamp));
        }

        return found;
    }

    private static void Write(SlidingPass pass, string roomId, IReadOnlyList<ReceiptMark> receipts)
    {
        var json = pass.Json;
        json.WriteStartObject(roomId);
        json.WriteStartObject("content"u8);

        // There is one event for a room, in which a user has one receipt of a type at an event: the one without a
        // thread goes before those in threads.
        var one = RoomWriter.Latest(receipts)
            .OrderBy(static receipt => receipt.ThreadId, StringComparer.Ordinal)
            .DistinctBy(static receipt => (receipt.EventId, receipt.Type, receipt.UserId));
        foreach (var byEvent in one.GroupBy(static receipt => receipt.EventId))
        {
            json.WriteStartObject(byEvent.Key);
            foreach (var byType in byEvent.GroupBy(static receipt => receipt.Type))
            {
                json.WriteStartObject(byType.Key);
                foreach (var receipt in byType)
                {
                    json.WriteStartObject(receipt.UserId);
                    if (receipt.ThreadId.Length > 0) json.WriteString("thread_id"u8, receipt.ThreadId);
                    json.WriteNumber("ts"u8, receipt.Timestamp);
                    json.WriteEndObject();
                }

                json.WriteEndObject();
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteString("type"u8, "m.receipt"u8);
        json.WriteEndObject();
    }
}
