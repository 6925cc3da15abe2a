using System.Runtime.CompilerServices;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Receipts;

/// <summary>
/// Reads from storage receipts that a consumer missed: those that were put after one position and up to another, and
/// not moved since, private ones included.
/// </summary>
public sealed class MissedReceipts(RoomsTable roomsTable, ReceiptsTable receiptsTable, string serverName)
{
    private const int RoomsAtOnce = 1000;
    private const int ReceiptsAtOnce = 1000;

    /// <summary>The receipts of local users, in the order of their positions.</summary>
    public async IAsyncEnumerable<ReceiptMoved> OfLocalUsersAsync(
        long after, long through, [EnumeratorCancellation] CancellationToken stop)
    {
        for (var limit = ReceiptsAtOnce; ;)
        {
            var rows = await receiptsTable.OfLocalUsersAsync(after, through, limit, stop);

            // There may be more at the last position: it is read with the next page.
            var last = rows.Count < limit ? long.MaxValue : rows[^1].Position;
            if (last == (rows.Count > 0 ? rows[0].Position : 0))
            {
                limit *= 2;
                continue;
            }

            foreach (var row in rows)
            {
                if (row.Position < last) yield return MovedOf(row, isLocal: true);
            }

            if (rows.Count < limit) yield break;
            after = last - 1;
        }
    }

    /// <summary>The receipts of all users. It looks into every room.</summary>
    public async IAsyncEnumerable<ReceiptMoved> BetweenAsync(
        long after, long through, [EnumeratorCancellation] CancellationToken stop)
    {
        for (var last = default(RoomNid); ;)
        {
            var rooms = await roomsTable.ListAsync(last, RoomsAtOnce, stop);
            RoomNid[] nids = [.. rooms.Select(static room => room.Nid)];
            foreach (var row in await receiptsTable.OfRoomsAsync(nids, after, through, stop))
            {
                yield return MovedOf(row, RoomNames.ServerOf(row.UserId) == serverName);
            }

            if (rooms.Count < RoomsAtOnce) yield break;
            last = nids[^1];
        }
    }

    private static ReceiptMoved MovedOf(ReceiptRow row, bool isLocal) => new(
        row.Room, row.UserId, row.Type, row.ThreadId, row.Event, row.EventId, row.Timestamp, isLocal);
}
