using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Receipts;

/// <summary>Read receipts. v1.19 client-server-api#receipts</summary>
public sealed class ReceiptsTable(IReads reads)
{
    private const string Columns = "room_nid, user_id, type, thread_id, event_nid, event_id, ts, position";

    private static readonly Statement OfRooms = Statement.ByKeys($"""
        SELECT {Columns} FROM receipts WHERE room_nid = KEY AND position > $2 AND position <= $3
        """);

    private static readonly Statement OfRoomUser = Statement.Of(
        $"SELECT {Columns} FROM receipts WHERE room_nid = $1 AND user_id = $2");
    private static readonly Statement OfUser = Statement.Of(
        $"SELECT {Columns} FROM receipts WHERE user_id = $1 AND is_local = 1");

    private static readonly Statement MovedFrom = Statement.Of("""
        SELECT DISTINCT position, user_id FROM receipts
        WHERE is_local = 1 AND position >= $1 AND (position > $1 OR user_id > $2)
        ORDER BY position, user_id LIMIT $3
        """);

    private static readonly Statement LocalPage = Statement.Of($"""
        SELECT {Columns} FROM receipts WHERE is_local = 1 AND position > $1 AND position <= $2
        ORDER BY position LIMIT $3
        """);

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO receipts (room_nid, user_id, type, thread_id, event_nid, event_id, ts, position, is_local)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (room_nid, user_id, type, thread_id) DO UPDATE
        SET event_nid = excluded.event_nid, event_id = excluded.event_id, ts = excluded.ts, position = excluded.position
        WHERE excluded.event_nid > receipts.event_nid
        """);

    private static readonly Statement Trim = Statement.Of("""
        DELETE FROM receipts WHERE room_nid = $1 AND user_id = $2 AND type = $3 AND thread_id NOT IN ('', 'main')
            AND thread_id NOT IN (
            SELECT thread_id FROM receipts WHERE room_nid = $1 AND user_id = $2 AND type = $3
                AND thread_id NOT IN ('', 'main')
            ORDER BY position DESC, thread_id LIMIT $4)
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .OnCondition<ReceiptMoved>(Put, static (a, op) => a
            .Room(op.Room).Text(op.UserId).Text(op.Type).Text(op.ThreadId).Nid(op.Event).EventId(op.EventId)
            .Int(op.Timestamp).Position()
            .Bool(op.IsLocal))
        .On<ThreadReceiptsTrimmed>(Trim, static (a, op) => a.Room(op.Room).Text(op.UserId).Text(op.Type).Int(op.Keep));

    /// <summary>Receipts of a room that were put after one position and up to another, private ones included.</summary>
    public ValueTask<IReadOnlyList<ReceiptRow>> OfRoomAsync(
        RoomNid room, long after, long through, CancellationToken stop) =>
        OfRoomsAsync([room], after, through, stop);

    /// <summary>The same for several rooms at once.</summary>
    public ValueTask<IReadOnlyList<ReceiptRow>> OfRoomsAsync(
        IReadOnlyCollection<RoomNid> rooms, long after, long through, CancellationToken stop) => reads.ByKeysAsync(
            OfRooms, rooms, By.Room, (after, through), static (a, q) => a.Int(q.after).Int(q.through), Row, stop);

    /// <summary>A user's receipts in a room.</summary>
    public ValueTask<IReadOnlyList<ReceiptRow>> OfUserAsync(RoomNid room, string userId, CancellationToken stop) =>
        reads.ListAsync(OfRoomUser, (room, userId), static (a, q) => a.Room(q.room).Text(q.userId), Row, stop);

    /// <summary>A local user's receipts in all rooms.</summary>
    public ValueTask<IReadOnlyList<ReceiptRow>> OfUserAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(OfUser, userId, static (a, user) => a.Text(user), Row, stop);

    /// <summary>
    /// The positions from one on at which receipts of local users moved, with the users, in order, a page at a time:
    /// at the first position, the users after this one.
    /// </summary>
    public ValueTask<IReadOnlyList<(long Position, string UserId)>> MovedFromAsync(
        long position, string userId, int limit, CancellationToken stop) =>
        reads.ListAsync(
            MovedFrom,
            (position, userId, limit),
            static (a, q) => a.Int(q.position).Text(q.userId).Int(q.limit),
            static row => (row.Int64(0), row.Text(1)),
            stop);

    /// <summary>
    /// Receipts of local users that were put after one position and up to another, in the order of positions, private
    /// ones included.
    /// </summary>
    public ValueTask<IReadOnlyList<ReceiptRow>> OfLocalUsersAsync(
        long after, long through, int limit, CancellationToken stop) =>
        reads.ListAsync(
            LocalPage,
            (after, through, limit),
            static (a, q) => a.Int(q.after).Int(q.through).Int(q.limit),
            Row,
            stop);

    private static ReceiptRow Row(IRow row) => new(
        row.Room(0), row.Text(1), row.Text(2), row.Text(3), row.Nid(4), row.EventId(5), row.Int64(6), row.Int64(7));
}

/// <summary>A receipt.</summary>
/// <param name="Type">`m.read` or `m.read.private`.</param>
/// <param name="ThreadId">Empty if unthreaded, otherwise `main` or a thread root's id.</param>
/// <param name="Event">The event that the receipt is at.</param>
/// <param name="Timestamp">Milliseconds since the epoch.</param>
/// <param name="Position">The position at which it was put.</param>
public sealed record ReceiptRow(
    RoomNid Room, string UserId, string Type, string ThreadId, EventNid Event, string EventId, long Timestamp,
    long Position);

/// <summary>
/// Moves a receipt forward. Not applied if the user's receipt of this type and thread is at this event or a later one
/// already.
/// </summary>
public sealed record ReceiptMoved(
    RoomNid Room, string UserId, string Type, string ThreadId, EventNid Event, string EventId, long Timestamp,
    bool IsLocal)
    : ConditionalChange;

/// <summary>
/// Keeps only the most recently moved thread receipts of a user and type in a room. Unthreaded receipts and those of
/// `main` do not count.
/// </summary>
public sealed record ThreadReceiptsTrimmed(RoomNid Room, string UserId, string Type, int Keep) : Change;
