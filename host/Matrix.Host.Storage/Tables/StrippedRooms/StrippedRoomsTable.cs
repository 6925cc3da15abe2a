using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Storage.Tables.StrippedRooms;

/// <summary>
/// Rooms of other servers that a local user knows only by an invite or knock, and those whose invite or knock ended. A
/// row ends when the user's membership in the room itself changes. A row takes the bytes of the member event and of the
/// stripped state; the changes bound the number of rows of each user.
/// </summary>
public sealed class StrippedRoomsTable(IReads reads)
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

    internal static void Register(WriteHandlers handlers) => handlers
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

    /// <summary>A user's room; null if there is none, or if the user forgot it.</summary>
    public ValueTask<StrippedRoomRow?> FindAsync(string userId, string roomId, CancellationToken stop) =>
        reads.FirstAsync(One, (userId, roomId), static (a, q) => a.Text(q.userId).Text(q.roomId), Row, stop);

    /// <summary>
    /// A user's rooms that changed after one position and up to another, the earliest first; those that the user forgot
    /// are among them, and marked.
    /// </summary>
    public ValueTask<IReadOnlyList<StrippedRoomRow>> OfUserAsync(
        string userId, long after, long through, CancellationToken stop) =>
        reads.ListAsync(
            OfUser,
            (userId, after, through),
            static (a, q) => a.Text(q.userId).Int(q.after).Int(q.through),
            Row,
            stop);

    /// <summary>
    /// The rooms of all users that changed after one position and up to another, the earliest first; at most this many.
    /// </summary>
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

/// <summary>A room that a user knows by stripped state.</summary>
/// <param name="Server">A server in the room: that of the inviter, or the one that accepted the knock.</param>
/// <param name="Membership">Invite or knock; leave if it ended.</param>
/// <param name="Sender">The sender of the member event.</param>
/// <param name="EventId">The id of the member event; of the last invite or knock if it ended without an event.</param>
/// <param name="Event">The member event; empty if the invite or knock ended without one.</param>
/// <param name="State">
/// Stripped state events, the member event among them, as a JSON array; empty if the invite or knock ended.
/// </param>
/// <param name="Position">The position of the last change.</param>
public sealed record StrippedRoomRow(
    string RoomId,
    string Version,
    string Server,
    Membership Membership,
    string Sender,
    string EventId,
    ReadOnlyMemory<byte> Event,
    ReadOnlyMemory<byte> State,
    long Position)
{
    /// <summary>The id of the invite or knock that ended; null if none did.</summary>
    public string? EndedId { get; init; }

    /// <summary>
    /// When the invite or knock ended without an event, in milliseconds; 0 if it did not, or before this was recorded.
    /// </summary>
    public long EndedAt { get; init; }

    /// <summary>Whether the user forgot the room after the end of the invite or knock.</summary>
    public bool Forgotten { get; init; }

    /// <summary>Whether the user is still invited, or knocking.</summary>
    public bool IsOpen => Membership is Membership.Invite or Membership.Knock;
}

/// <summary>
/// A user was invited to a room of other servers, or knocked on one. Not applied if the user has as many such rooms as
/// are allowed, and this is one more; nor if the room itself has the event; nor if that invite or knock has ended.
/// </summary>
/// <param name="Room">The room. Its position is that of the batch.</param>
/// <param name="MostOpen">The most rooms by which the user is invited or knocking.</param>
/// <remarks>Other nodes do not get the events.</remarks>
public sealed record StrippedRoomEntered(string UserId, StrippedRoomRow Room, int MostOpen) : ConditionalChange
{
    internal override int Weight => 300 + Room.Event.Length + Room.State.Length;
}

/// <summary>The stripped state of a knock came, if the knock is still the last one and has not ended.</summary>
/// <param name="EventId">The id of the knock.</param>
/// <param name="State">The stripped state.</param>
/// <remarks>Other nodes do not get the state.</remarks>
public sealed record StrippedRoomDescribed(
    string UserId, string RoomId, string EventId, ReadOnlyMemory<byte> State) : Change
{
    internal override int Weight => 300 + State.Length;
}

/// <summary>An invite to a room of other servers, or a knock on one, ended, if it is still the last one.</summary>
/// <param name="EndedId">The id of the invite or knock.</param>
/// <param name="Sender">The sender of the event that ended it.</param>
/// <param name="EventId">The id of that event; the same as <paramref name="EndedId"/> if there is none.</param>
/// <param name="Event">The event; empty if there is none.</param>
/// <param name="MostEnded">The most ended rooms of the user that are kept; the earliest are deleted.</param>
/// <remarks>Other nodes do not get the event.</remarks>
public sealed record StrippedRoomLeft(
    string UserId,
    string RoomId,
    string EndedId,
    string Sender,
    string EventId,
    ReadOnlyMemory<byte> Event,
    int MostEnded) : Change
{
    /// <summary>The time in milliseconds, if there is no event that has it.</summary>
    public long EndedAt { get; init; }

    internal override int Weight => 300 + Event.Length;
}

/// <summary>
/// A user forgets a room whose invite or knock ended. Not applied while it is open. The row stays, so that the user's
/// other devices hear of the end.
/// </summary>
public sealed record StrippedRoomForgotten(string UserId, string RoomId) : ConditionalChange;
