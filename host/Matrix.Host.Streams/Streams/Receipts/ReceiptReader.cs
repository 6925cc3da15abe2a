using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Receipts;

/// <summary>
/// Reads receipts: from the notifier's memory where that reaches back, and otherwise from the database.
/// </summary>
internal sealed class ReceiptReader(ReceiptsTable receiptsTable, Notifier notifier, SyncOptions options)
{
    /// <summary>The receipts of a room after one position and up to another.</summary>
    public async ValueTask<List<ReceiptMark>> OfRoomAsync(RoomNid room, long after, long upTo, CancellationToken stop)
    {
        var found = new List<ReceiptMark>();
        if (notifier.Room(room) is { } stream && stream.TryReceipts(after, upTo, found)) return found;
        foreach (var row in await receiptsTable.OfRoomAsync(room, after, upTo, stop)) found.Add(ReceiptMark.Of(row));
        return found;
    }

    /// <summary>The same of several rooms, each after its own position, with at most one query.</summary>
    public async ValueTask<Dictionary<RoomNid, List<ReceiptMark>>> OfRoomsAsync(
        IEnumerable<(RoomNid Room, long After)> rooms, long upTo, CancellationToken stop)
    {
        var found = new Dictionary<RoomNid, List<ReceiptMark>>();
        var asked = new Dictionary<RoomNid, long>();
        foreach (var (room, after) in rooms)
        {
            var known = new List<ReceiptMark>();
            if (notifier.Room(room) is { } stream && stream.TryReceipts(after, upTo, known)) found[room] = known;
            else asked[room] = after;
        }

        if (asked.Count == 0) return found;
        foreach (var row in await receiptsTable.OfRoomsAsync([.. asked.Keys], asked.Values.Min(), upTo, stop))
        {
            if (row.Position > asked[row.Room]) Add(found, row);
        }

        return found;
    }

    /// <summary>
    /// The receipts of several rooms after one position, with one query: for clients whose position memory does not
    /// reach back to.
    /// </summary>
    public async ValueTask<Dictionary<RoomNid, List<ReceiptMark>>> StoredAsync(
        RoomNid[] rooms, long after, long upTo, CancellationToken stop)
    {
        var found = new Dictionary<RoomNid, List<ReceiptMark>>();
        if (rooms.Length == 0) return found;
        foreach (var row in await receiptsTable.OfRoomsAsync(rooms, after, upTo, stop)) Add(found, row);
        return found;
    }

    /// <summary>
    /// The receipts that a user is shown: no private ones of others, none of ignored users, and a bounded number in
    /// threads.
    /// </summary>
    public IReadOnlyList<ReceiptMark> VisibleTo(List<ReceiptMark> all, string self, IReadOnlySet<string> ignored)
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

    private static void Add(Dictionary<RoomNid, List<ReceiptMark>> found, ReceiptRow row)
    {
        if (!found.TryGetValue(row.Room, out var ofRoom)) found[row.Room] = ofRoom = [];
        ofRoom.Add(ReceiptMark.Of(row));
    }
}
