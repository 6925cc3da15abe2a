using Matrix.Core.Event;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Typing;

namespace Matrix.Host.Sync.V3;

/// <summary>Reads the content of a room's `ephemeral`: typing users and receipts.</summary>
internal sealed class EphemeralReader(
    ReceiptsTable receiptsTable, Notifier notifier, ITypingBoard typingBoard, SyncOptions options)
{
    /// <summary>Whether a filter admits events of a type in a room.</summary>
    public static bool Admits(EventFilter filter, RoomIdentity room, string type) =>
        filter.AdmitsRoom(room.RoomId) && filter.Admits(type, null, false);

    /// <summary>The typing users; null if there is nothing new.</summary>
    public List<string>? TypingOf(SyncPass pass, RoomInput input, bool isNew)
    {
        if (!isNew && (input.Parts & RoomParts.Typing) == 0) return null;
        if (!Admits(pass.Filter.Ephemeral, input.Snapshot.Room, EventTypes.Typing)) return null;
        var typing = typingBoard.In(input.Snapshot.Room.Nid).Where(user => !pass.Ignored.Contains(user)).ToList();
        return isNew && typing.Count == 0 ? null : typing;
    }

    /// <summary>The receipts that the client does not have.</summary>
    public async ValueTask<IReadOnlyList<ReceiptMark>> ReceiptsAsync(
        SyncPass pass, RoomInput input, bool isNew, CancellationToken stop)
    {
        if (!isNew && (input.Parts & (RoomParts.Receipts | RoomParts.OwnReceipts)) == 0) return [];
        if (!Admits(pass.Filter.Ephemeral, input.Snapshot.Room, EventTypes.Receipt)) return [];

        var room = input.Snapshot.Room.Nid;
        long after = isNew ? 0 : pass.SincePosition;
        var all = new List<ReceiptMark>();
        if (input.Receipts is { } given) all.AddRange(given);
        else if (notifier.Room(room) is not { } stream || !stream.TryReceipts(after, pass.UpTo, all))
        {
            foreach (var row in await receiptsTable.OfRoomAsync(room, after, pass.UpTo, stop))
            {
                all.Add(new ReceiptMark(row.Position, row.UserId, row.Type, row.ThreadId, row.EventId, row.Timestamp));
            }
        }

        return Shown(all, pass.Reader.UserId, pass.Ignored);
    }

    /// <summary>
    /// The receipts that a user is shown: no private ones of others, none of ignored users, and a bounded number in
    /// threads.
    /// </summary>
    public IReadOnlyList<ReceiptMark> Shown(List<ReceiptMark> all, string self, IReadOnlySet<string> ignored)
    {
        all.RemoveAll(receipt => receipt.UserId != self
            && (receipt.Type == ReceiptTypes.ReadPrivate || ignored.Contains(receipt.UserId)));
        return Bounded(all, self, options.MaxReceipts);
    }

    /// <summary>
    /// All receipts of the user and of the main timeline. Of other users' thread receipts a bounded number, the latest
    /// of each user first, so that one user's many threads do not hide the others' receipts.
    /// </summary>
    private static List<ReceiptMark> Bounded(List<ReceiptMark> all, string self, int most)
    {
        bool InThread(ReceiptMark receipt) =>
            receipt.UserId != self && receipt.ThreadId is not ("" or ReceiptTypes.MainThread);
        if (all.Count <= most || all.Count(InThread) <= most) return all;
        var shown = all.Where(InThread)
            .GroupBy(receipt => receipt.UserId)
            .SelectMany(ofUser => ofUser
                .OrderByDescending(receipt => receipt.Position)
                .Select((receipt, nth) => (Receipt: receipt, Nth: nth)))
            .OrderBy(each => each.Nth).ThenByDescending(each => each.Receipt.Position)
            .Take(most).Select(each => each.Receipt).ToHashSet();
        all.RemoveAll(receipt => InThread(receipt) && !shown.Contains(receipt));
        return all;
    }
}
