using System.Collections.Frozen;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.RoomRows;

/// <summary>The rows of a room in all tables, to delete them with the room.</summary>
public sealed class RoomRowsTable(IReads reads)
{
    private const string InRoom = "event_nid >= $2 AND event_nid <= $3";

    private static readonly FrozenDictionary<string, RoomRows> _tables =
        RoomRows.All.ToFrozenDictionary(static rows => rows.Table);

    private static readonly Statement Users = Statement.Of("""
        SELECT DISTINCT user_id FROM (
            SELECT user_id FROM account_data WHERE room_nid = $1
            UNION ALL
            SELECT user_id FROM unread WHERE event_nid >= $2 AND event_nid <= $3) users LIMIT $4
        """);

    private static readonly Statement Awaited = Statement.Of("""
        SELECT 1 WHERE EXISTS (SELECT 1 FROM directory_pending_rooms WHERE room_nid = $1)
            OR EXISTS (SELECT 1 FROM outbound_owed WHERE room_nid = $1)
        """);

    // 4 is the membership of an ended invite or knock, and sync shows such rooms as left. A row that is there is newer.
    private static readonly Statement ShowLeft = Statement.Of("""
        INSERT INTO stripped_rooms (user_id, room_id, room_version, server, membership, sender, event_id, event, state,
            position, ended_id, forgotten, ended_at)
        SELECT m.user_id, r.room_id, r.version, '', 4, m.user_id, e.event_id, $2, $2, $3, e.event_id, 0, $4
        FROM memberships m JOIN rooms r ON r.room_nid = m.room_nid JOIN events e ON e.event_nid = m.event_nid
        WHERE m.room_nid = $1 AND m.is_local = 1 AND m.forgotten = 0
        ON CONFLICT (user_id, room_id) DO NOTHING
        """);

    private static readonly Statement Number = Statement.Of("""
        INSERT INTO sequence (one, position) VALUES (2, $1)
        ON CONFLICT (one) DO UPDATE SET position = CASE WHEN sequence.position > excluded.position
            THEN sequence.position ELSE excluded.position END
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM rooms WHERE room_nid = $1");

    private static readonly Statement DeleteDelayed = Statement.Of("DELETE FROM delayed_events WHERE room_id = $1");

    private static readonly Statement DeleteUnread = Statement.Of(
        $"DELETE FROM unread WHERE user_id = $1 AND {InRoom}");

    private static readonly Statement DeleteData = Statement.Of(
        "DELETE FROM account_data WHERE user_id = $1 AND room_nid = $2");

    /// <summary>
    /// The tables with rows of rooms, in the order in which they are emptied. A test compares them with the schema.
    /// </summary>
    public IReadOnlyList<string> Tables { get; } = [.. RoomRows.All.Select(static rows => rows.Table)];

    internal static void Register(WriteHandlers handlers) => handlers
        .On<RoomDeleted>(static (op, writes) =>
        {
            writes.Run(ShowLeft, op, static (a, op) => a
                .Room(op.Room.Nid).Blob(ReadOnlyMemory<byte>.Empty).Position().Int(op.DeletedAt));
            writes.Run(Number, op, static (a, op) => a.Room(op.Room.Nid));

            // A directory must not name a room that is not known.
            foreach (var table in (string[])["aliases", "published_rooms", "network_rooms"])
            {
                Run(_tables[table], op.Room.Nid, int.MaxValue, writes);
            }

            writes.Run(DeleteDelayed, op, static (a, op) => a.Text(op.Room.RoomId));
            writes.RunIf(Delete, op, static (a, op) => a.Room(op.Room.Nid));
        })
        .On<RoomRowsDeleted>(static (op, writes) => Run(_tables[op.Table], op.Room, op.Most, writes))
        .On<RoomRowsOfUserDeleted>(static (op, writes) =>
        {
            writes.Run(DeleteUnread, op, static (a, op) => a
                .Text(op.UserId).Nid(EventNid.FirstOf(op.Room)).Nid(EventNid.LastOf(op.Room)));
            writes.Run(DeleteData, op, static (a, op) => a.Text(op.UserId).Room(op.Room));
        });

    /// <summary>Whether a table has rows of a room. Where no index finds them, it reads the whole table.</summary>
    public ValueTask<bool> AnyAsync(string table, RoomNid room, CancellationToken stop) => reads.FirstAsync(
        _tables[table].Any,
        (_tables[table], room),
        static (a, q) => Bind(a, q.Item1, q.room),
        static _ => true,
        stop);

    /// <summary>
    /// Users with rows of a room in tables whose keys begin with the user, at most this many. Reads those tables.
    /// </summary>
    public ValueTask<IReadOnlyList<string>> UsersAsync(RoomNid room, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Users,
            (room, limit),
            static (a, q) => a.Room(q.room).Nid(EventNid.FirstOf(q.room)).Nid(EventNid.LastOf(q.room)).Int(q.limit),
            static row => row.Text(0),
            stop);

    /// <summary>
    /// Whether something of the room is still to be done before its rows go: events to send to other servers, or
    /// entries of the user directory to renew.
    /// </summary>
    public ValueTask<bool> IsAwaitedAsync(RoomNid room, CancellationToken stop) =>
        reads.FirstAsync(Awaited, room, static (a, room) => a.Room(room), static _ => true, stop);

    private static void Run(RoomRows rows, RoomNid room, int most, IWrites writes)
    {
        foreach (var statement in rows.Deletes)
        {
            writes.Run(
                statement, (rows, room, most), static (a, q) => Bind(a, q.rows, q.room).Int(q.most));
        }
    }

    private static IArguments Bind(IArguments arguments, RoomRows rows, RoomNid room) => rows.IsByNumber
        ? arguments.Nid(EventNid.FirstOf(room)).Nid(EventNid.LastOf(room))
        : arguments.Room(room);
}

/// <summary>
/// A room is not known any more: it has no row, and local users who did not forget it see that they left. Its other
/// rows are deleted afterwards. Its number is not used again. Applies unless the room is gone already.
/// </summary>
/// <param name="Room">The room.</param>
/// <param name="LocalUsers">The local users with a membership of the room.</param>
/// <param name="DeletedAt">The time in milliseconds.</param>
public sealed record RoomDeleted(
    RoomIdentity Room, IReadOnlyList<string> LocalUsers, long DeletedAt) : ConditionalChange
{
    internal override int Weight => 1000 + (300 * LocalUsers.Count);
}

/// <summary>Some rows of a deleted room in one table are deleted.</summary>
/// <param name="Most">The most rows.</param>
public sealed record RoomRowsDeleted(RoomNid Room, string Table, int Most) : Change
{
    internal override int Weight => 200 * Most;
}

/// <summary>The rows of a deleted room are deleted in the tables whose keys begin with a user.</summary>
public sealed record RoomRowsOfUserDeleted(RoomNid Room, string UserId) : Change;
