using Matrix.Core.Sync;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Receipts;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Receipts of the rooms that the client has. MSC3960.</summary>
internal sealed class ReceiptsExtension(ReceiptReader receipts) : ISlidingExtension
{
    public const string UsualName = "receipts";

    public string Name => UsualName;

    public async ValueTask WriteAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop)
    {
        var rooms = ExtensionRooms.Of(pass, request).Where(match => MayHaveNews(pass, match)).ToList();
        if (rooms.Count == 0) return;
        var found = await receipts.OfRoomsAsync(
            rooms.Select(match => (match.Room.Nid!.Value, pass.SentOf(match.Room.RoomId)!.Receipts)), pass.UpTo, stop);
        var isOpen = false;
        foreach (var match in rooms)
        {
            var roomId = match.Room.RoomId;
            pass.Next.Rooms[roomId] = pass.SentOf(roomId)! with { Receipts = pass.UpTo };
            if (!found.TryGetValue(match.Room.Nid!.Value, out var all)) continue;
            var shown = receipts.VisibleTo(all, pass.Reader.UserId, pass.Ignored);
            if (shown.Count == 0) continue;
            if (!isOpen)
            {
                pass.Json.WriteStartObject(Name);
                pass.Json.WriteStartObject("rooms"u8);
                isOpen = true;
            }

            pass.Json.WriteStartObject(roomId);
            ReceiptFormat.WriteAsOne(pass.Json, shown);
            pass.Json.WriteEndObject();
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
}
