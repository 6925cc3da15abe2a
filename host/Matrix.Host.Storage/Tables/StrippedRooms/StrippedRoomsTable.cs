using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Storage.Tables.StrippedRooms;

internal sealed class StrippedRoomsTable(IReads reads) : IStrippedRoomsTable
{
    private const string Columns =
        "room_id, room_version, server, membership, sender, event_id, event, state, position, ended_id, forgotten, "
        + "ended_at";

    private static readonly Statement One = Statement.Of(
        $"SELECT {Columns} FROM stripped_rooms WHERE user_id = $1 AND room_id = $2 AND forgotten = 0");

    private static readonly Statement OfUser = Statement.Of($"""
        SELECT {Columns} FROM stripped_rooms WHERE user_id = $1 AND position > $2 AND position <= $3 ORDER BY position
        """);

    private static readonly Statement Changed = Statement.Of($"""
        SELECT {Columns}, user_id FROM stripped_rooms WHERE position > $1 AND position <= $2
        ORDER BY position, user_id, room_id LIMIT $3
        """);

    // 4 is the membership of an ended invite or knock.
    private static readonly Statement Put = Statement.Of("""
        INSERT INTO stripped_rooms
            (user_id, room_id, room_version, server, membership, sender, event_id, event, state, position)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
        WHERE ((SELECT COUNT(*) FROM stripped_rooms WHERE user_id = $1 AND membership <> 4) < $11
            OR EXISTS (SELECT 1 FROM stripped_rooms WHERE user_id = $1 AND room_id = $2 AND membership <> 4))
            AND NOT EXISTS (SELECT 1 FROM events e JOIN rooms r ON r.room_nid = e.event_nid / 4294967296
                WHERE e.event_id = $7 AND r.room_id = $2)
            AND NOT EXISTS (SELECT 1 FROM stripped_rooms
                WHERE user_id = $1 AND room_id = $2 AND membership = 4 AND ended_id = $7)
        ON CONFLICT (user_id, room_id) DO UPDATE
        SET room_version = excluded.room_version, server = excluded.server, membership = excluded.membership,
            sender = excluded.sender, event_id = excluded.event_id, event = excluded.event, state = excluded.state,
            position = excluded.position, forgotten = 0
        """);

    private static readonly Statement Describe = Statement.Of("""
        UPDATE stripped_rooms SET state = $4, position = $5
        WHERE user_id = $1 AND room_id = $2 AND event_id = $3 AND membership <> 4
        """);

    private static readonly Statement End = Statement.Of("""
        UPDATE stripped_rooms
        SET membership = 4, sender = $4, event_id = $5, event = $6, state = $7, position = $8, ended_id = $3,
            ended_at = $9
        WHERE user_id = $1 AND room_id = $2 AND event_id = $3 AND membership <> 4
        """);

    private static readonly Statement Trim = Statement.Of("""
        DELETE FROM stripped_rooms WHERE user_id = $1 AND membership = 4 AND position <= (
            SELECT position FROM stripped_rooms WHERE user_id = $1 AND membership = 4
            ORDER BY position DESC LIMIT 1 OFFSET $2)
        """);

    private static readonly Statement Forget = Statement.Of(
        "UPDATE stripped_rooms SET forgotten = 1 WHERE user_id = $1 AND room_id = $2 AND membership = 4");

    private static readonly Statement Enter = Statement.Of("""
        DELETE FROM stripped_rooms WHERE user_id = $1
            AND room_id = (SELECT room_id FROM rooms WHERE room_nid = $2)
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .OnCondition<StrippedRoomEntered>(
            Put,
            static (a, op) => a.Text(op.UserId).Text(op.Room.RoomId).Text(op.Room.Version).Text(op.Room.Server)
                .Int((int)op.Room.Membership).Text(op.Room.Sender).EventId(op.Room.EventId).Blob(op.Room.Event)
                .Blob(op.Room.State).Position().Int(op.MostOpen))
        .On<StrippedRoomDescribed>((op, writes) => writes.Run(Describe, op, static (a, op) => a
            .Text(op.UserId).Text(op.RoomId).EventId(op.EventId).Blob(op.State).Position()))
        .On<StrippedRoomLeft>((op, writes) =>
        {
            writes.Run(End, op, static (a, op) => a
                .Text(op.UserId).Text(op.RoomId).EventId(op.EndedId).Text(op.Sender).EventId(op.EventId)
                .Blob(op.Event).Blob(ReadOnlyMemory<byte>.Empty).Position().Int(op.EndedAt));
            writes.Run(Trim, op, static (a, op) => a.Text(op.UserId).Int(op.MostEnded));
        })
        .OnCondition<StrippedRoomForgotten>(Forget, static (a, op) => a.Text(op.UserId).Text(op.RoomId))

        // From now on the room itself says what the user's membership is.
        .On<MembershipChanged>((op, writes) =>
        {
            if (op.IsLocal) writes.Run(Enter, op, static (a, op) => a.Text(op.UserId).Room(op.Room));
        });

    public ValueTask<StrippedRoomRow?> FindAsync(string userId, string roomId, CancellationToken stop) =>
        reads.FirstAsync(One, (userId, roomId), static (a, q) => a.Text(q.userId).Text(q.roomId), Row, stop);

    public ValueTask<IReadOnlyList<StrippedRoomRow>> OfUserAsync(
        string userId, long after, long through, CancellationToken stop) =>
        reads.ListAsync(
            OfUser,
            (userId, after, through),
            static (a, q) => a.Text(q.userId).Int(q.after).Int(q.through),
            Row,
            stop);

    public ValueTask<IReadOnlyList<(string UserId, StrippedRoomRow Room)>> ChangedAsync(
        long after, long through, int limit, CancellationToken stop) => reads.ListAsync(
        Changed,
        (after, through, limit),
        static (a, q) => a.Int(q.after).Int(q.through).Int(q.limit),
        static row => (row.Text(12), Row(row)),
        stop);

    private static StrippedRoomRow Row(IRow row) => new(
        row.Text(0), row.Text(1), row.Text(2), (Membership)row.Int64(3), row.Text(4), row.EventId(5), row.Blob(6),
        row.Blob(7), row.Int64(8))
    {
        EndedId = row.IsNull(9) ? null : row.EventId(9),
        Forgotten = row.Int64(10) != 0,
        EndedAt = row.Int64(11),
    };
}
