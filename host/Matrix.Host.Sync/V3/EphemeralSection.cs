using Matrix.Core.Event;
using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Streams.Streams.Receipts;
using Matrix.Host.Streams.Streams.Typing;

namespace Matrix.Host.Sync.V3;

/// <summary>Selects and writes a room's `ephemeral`: typing users and receipts.</summary>
internal sealed class EphemeralSection(ReceiptReader receipts, ITypingBoard typing)
{
    /// <summary>Whether a filter admits events of a type in a room.</summary>
    public static bool Admits(EventFilter filter, RoomIdentity room, string type) =>
        filter.AdmitsRoom(room.RoomId) && filter.Admits(type, null, false);

    /// <summary>The typing users; null if there is nothing new.</summary>
    public List<string>? TypingOf(SyncPass pass, RoomInput input, bool isNew)
    {
        if (!isNew && (input.Parts & RoomParts.Typing) == 0) return null;
        if (!Admits(pass.Filter.Ephemeral, input.Snapshot.Room, EventTypes.Typing)) return null;
        var shown = typing.Shown(input.Snapshot.Room.Nid, pass.Ignored);
        return isNew && shown.Count == 0 ? null : shown;
    }

    /// <summary>The receipts that the client does not have.</summary>
    public async ValueTask<IReadOnlyList<ReceiptMark>> ReceiptsAsync(
        SyncPass pass, RoomInput input, bool isNew, CancellationToken stop)
    {
        if (!isNew && (input.Parts & (RoomParts.Receipts | RoomParts.OwnReceipts)) == 0) return [];
        if (!Admits(pass.Filter.Ephemeral, input.Snapshot.Room, EventTypes.Receipt)) return [];
        var all = input.Receipts is { } given
            ? [.. given]
            : await receipts.OfRoomAsync(
                input.Snapshot.Room.Nid, isNew ? 0 : pass.SinceReceipts, pass.UpTo, stop);
        return receipts.VisibleTo(all, pass.Reader.UserId, pass.Ignored);
    }

    /// <summary>Writes `ephemeral`.</summary>
    public static void Write(SyncPass pass, IReadOnlyList<string>? typing, IReadOnlyList<ReceiptMark> receipts)
    {
        var json = pass.Json;
        json.WriteStartEvents("ephemeral"u8);
        if (typing is not null)
        {
            json.WriteStartObject();
            TypingFormat.Write(json, typing);
            json.WriteEndObject();
        }

        if (receipts.Count > 0) ReceiptFormat.WriteByThread(json, receipts);
        json.WriteEndEvents();
    }
}
