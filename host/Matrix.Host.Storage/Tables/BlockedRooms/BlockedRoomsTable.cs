using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.BlockedRooms;

/// <summary>
/// Rooms that administrators blocked. A row takes some 150 bytes; only administrators add rows.
/// </summary>
public sealed class BlockedRoomsTable(IReads reads)
{
    private static readonly Statement Find = Statement.Of(
        "SELECT room_id, blocked_by, blocked_at FROM blocked_rooms WHERE room_id = $1");

    private static readonly Statement Page = Statement.Of(
        "SELECT room_id FROM blocked_rooms WHERE room_id > $1 ORDER BY room_id LIMIT $2");

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO blocked_rooms (room_id, blocked_by, blocked_at) VALUES ($1, $2, $3)
        ON CONFLICT (room_id) DO NOTHING
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM blocked_rooms WHERE room_id = $1");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<RoomBlocked>(Insert, static (a, op) => a.Text(op.RoomId).Text(op.BlockedBy).Now())
        .On<RoomUnblocked>(Delete, static (a, op) => a.Text(op.RoomId));

    /// <summary>The block of a room; null if it is not blocked.</summary>
    public ValueTask<BlockedRoomRow?> FindAsync(string roomId, CancellationToken stop) => reads.FirstAsync(
        Find,
        roomId,
        static (a, id) => a.Text(id),
        static row => new BlockedRoomRow(row.Text(0), row.Text(1), row.Int64(2)),
        stop);

    /// <summary>The ids of blocked rooms, a page at a time: those after this one.</summary>
    public ValueTask<IReadOnlyList<string>> ListAsync(string after, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Page, (after, limit), static (a, q) => a.Text(q.after).Int(q.limit), static row => row.Text(0), stop);
}

/// <summary>A blocked room.</summary>
/// <param name="BlockedBy">The administrator.</param>
/// <param name="BlockedAt">Milliseconds since the epoch.</param>
public sealed record BlockedRoomRow(string RoomId, string BlockedBy, long BlockedAt);

/// <summary>Blocks a room; one that is blocked stays so.</summary>
public sealed record RoomBlocked(string RoomId, string BlockedBy) : Change;

/// <summary>Ends the block of a room.</summary>
public sealed record RoomUnblocked(string RoomId) : Change;
