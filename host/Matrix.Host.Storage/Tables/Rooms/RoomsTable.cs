using Matrix.Core.Facade;
using Matrix.Core.State;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Rooms;

/// <summary>Rooms, their headers and the log of their current state.</summary>
public sealed class RoomsTable(IReads reads, int lastNid)
{
    // The row, and the room's last event if it came after the row was written: the header then continues from that
    // event.
    private const string Rows = """
        SELECT r.room_nid, r.room_id, r.version, r.creator, r.created_at, r.last_position, r.depth, r.current_step,
            r.last_ordinal,
            r.first_ordinal, r.last_step, r.last_node, r.joined_count, r.invited_count, r.extremities, e.event_nid,
                e.event_id, e.position, r.federated
        FROM rooms r LEFT JOIN events e ON e.event_nid = (
            SELECT MAX(l.event_nid) FROM events l
            WHERE l.event_nid > (r.room_nid << 32) + r.last_ordinal AND l.event_nid < ((r.room_nid + 1) << 32))
        """;

    private static readonly Statement LastNid = Statement.Of("""
        SELECT MAX(nid) FROM (
            SELECT COALESCE(MAX(room_nid), 0) AS nid FROM rooms
            UNION ALL SELECT COALESCE(MAX(position), 0) FROM sequence WHERE one = 2) numbers
        """);

    private static readonly Statement ById = Statement.Of($"{Rows} WHERE r.room_id = $1");
    private static readonly Statement ByNid = Statement.Of($"{Rows} WHERE r.room_nid = $1");
    private static readonly Statement ByNids = Statement.ByKeys($"{Rows} WHERE r.room_nid = KEY");
    private static readonly Statement Page = Statement.Of($"{Rows} WHERE r.room_nid > $1 ORDER BY r.room_nid LIMIT $2");

    private static readonly Statement Count = Statement.Of("SELECT COUNT(*) FROM rooms");

    private static readonly Statement OfServer = Statement.Of(
        OfServerBy("instr(m.user_id, ':')"), OfServerBy("strpos(m.user_id, ':')"));

    private static readonly Statement StepAt = Statement.Of("""
        SELECT step FROM current_state_log WHERE room_nid = $1 AND position <= $2 ORDER BY position DESC LIMIT 1
        """);

    private static readonly Statement StepsAt = Statement.ByKeys("""
        SELECT room_nid, (SELECT step FROM current_state_log l WHERE l.room_nid = r.room_nid AND position <= $2
            ORDER BY position DESC LIMIT 1)
        FROM rooms r WHERE room_nid = KEY
        """);

    private static readonly Statement StateLog = Statement.ByKeys("""
        SELECT room_nid, position, step FROM current_state_log WHERE room_nid = KEY AND position > $2 AND position <= $3
        """);

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO rooms (room_nid, room_id, version, creator, created_at, last_position, depth, current_step,
            last_ordinal, first_ordinal,
            last_step, last_node, joined_count, invited_count, extremities)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
        """);

    private static readonly Statement HasCreatedFewer = Statement.Of("""
        SELECT 1 WHERE (SELECT COUNT(*) FROM (SELECT 1 FROM rooms WHERE creator = $1 LIMIT $2) AS made) < $2
        """);

    private static readonly Statement UpdateHeader = Statement.OfLastOfRows(
        """
        UPDATE rooms SET last_position = $2, depth = $3, current_step = $4, last_ordinal = $5, first_ordinal = $6,
            last_step = $7,
            last_node = $8, joined_count = $9, invited_count = $10, extremities = $11
        WHERE room_nid = $1
        """,
        many: """
        UPDATE rooms SET last_position = h.last_position, depth = h.depth, current_step = h.current_step,
            last_ordinal = h.last_ordinal, first_ordinal = h.first_ordinal, last_step = h.last_step,
            last_node = h.last_node, joined_count = h.joined_count, invited_count = h.invited_count,
            extremities = h.extremities
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS h(room_nid, last_position, depth, current_step,
            last_ordinal, first_ordinal, last_step, last_node, joined_count, invited_count, extremities)
        WHERE rooms.room_nid = h.room_nid
        """);

    private static readonly Statement InsertLog = Statement.Of("""
        INSERT INTO current_state_log (room_nid, position, step) VALUES ($1, $2, $3)
        ON CONFLICT (room_nid, position) DO UPDATE SET step = excluded.step
        """);

    private static readonly Statement Federate = Statement.Of("UPDATE rooms SET federated = 1 WHERE room_nid = $1");

    private int _lastNid = lastNid;

    internal static void Register(WriteHandlers handlers) => handlers
        .On<RoomCreated>(Insert, static (a, op) => Header(
            a.Room(op.Room.Nid).Text(op.Room.RoomId).Text(op.Room.Rules.Id).Text(op.Creator).Now(), op.Header))
        .OnCondition<CreatedRoomsFewerThan>(
            HasCreatedFewer, static (a, op) => a.Text(op.Creator).Int(op.Most), static (_, _) => true)
        .On<RoomAdvanced>(static (op, writes) =>
        {
            if (op.FollowsFromBatch) return;
            writes.Run(UpdateHeader, op, static (a, op) => Header(a.Room(op.Room.Nid), op.Header));
        })
        .On<RoomFederated>(Federate, static (a, op) => a.Room(op.Room))
        .On<StateChanged>(InsertLog, static (a, op) => a.Room(op.Room).Position().Int(op.Step));

    internal static ValueTask<int> LastNumberAsync(IReads reads, CancellationToken stop) =>
        reads.FirstAsync(LastNid, static row => row.Int32(0), stop);

    /// <summary>Reserves a number for a new room; an unused one costs nothing.</summary>
    public RoomNid NewNid() => new(Interlocked.Increment(ref _lastNid));

    /// <summary>The room of that id, or null.</summary>
    public ValueTask<RoomRow?> FindAsync(string roomId, CancellationToken stop) =>
        reads.FirstAsync(ById, roomId, static (a, id) => a.Text(id), Row, stop);

    /// <summary>The room with this number, or null.</summary>
    public ValueTask<RoomRow?> FindAsync(RoomNid room, CancellationToken stop) =>
        reads.FirstAsync(ByNid, room, static (a, nid) => a.Room(nid), Row, stop);

    /// <summary>The rooms with these numbers, unordered; unknown ones are left out.</summary>
    public ValueTask<IReadOnlyList<RoomRow>> FindManyAsync(
        IReadOnlyCollection<RoomNid> rooms, CancellationToken stop) =>
        reads.ByKeysAsync(ByNids, rooms, By.Room, Row, stop);

    /// <summary>The number of rooms. It costs a row of an index for each.</summary>
    public ValueTask<long> CountAsync(CancellationToken stop) =>
        reads.FirstAsync(Count, static row => row.Int64(0), stop);

    /// <summary>All rooms by number, a page at a time: those after <paramref name="after"/>.</summary>
    public ValueTask<IReadOnlyList<RoomRow>> ListAsync(RoomNid after, int limit, CancellationToken stop) =>
        reads.ListAsync(Page, (after, limit), static (a, q) => a.Room(q.after).Int(q.limit), Row, stop);

    /// <summary>
    /// The rooms in which users of another server are joined, with their last positions, unordered. It reads all rooms
    /// with other servers, and the members of those that are not the server's.
    /// </summary>
    public ValueTask<IReadOnlyList<ServersRoomRow>> OfServerAsync(
        string serverName, int limit, CancellationToken stop) =>
        reads.ListAsync(
            OfServer,
            (serverName, limit),
            static (a, q) => a.Text(q.serverName).Int(q.limit),
            static row => new ServersRoomRow(row.Text(0), row.Int64(1)),
            stop);

    // The domain of a user id is everything after the first colon.
    private static string OfServerBy(string colon) => $"""
        SELECT r.room_id, r.last_position FROM rooms r
        WHERE r.federated = 1 AND EXISTS (
            SELECT 1 FROM memberships m WHERE m.room_nid = r.room_nid AND m.membership = 1 AND m.is_local = 0
                AND substr(m.user_id, {colon} + 1) = $1)
        LIMIT $2
        """;

    /// <summary>
    /// The step of the room's current state at this position: the latest logged at or before it. 0 if there is none.
    /// </summary>
    public ValueTask<int> CurrentStepAtAsync(RoomNid room, long position, CancellationToken stop) =>
        reads.FirstAsync(
            StepAt, (room, position), static (a, q) => a.Room(q.room).Int(q.position), static row => row.Int32(0),
            stop);

    /// <summary>The same for several rooms; rooms without a step are left out.</summary>
    public async ValueTask<IReadOnlyDictionary<RoomNid, int>> CurrentStepsAtAsync(
        IReadOnlyCollection<RoomNid> rooms, long position, CancellationToken stop)
    {
        var rows = await reads.ByKeysAsync(
            StepsAt,
            rooms,
            By.Room,
            position,
            static (a, at) => a.Int(at),
            static row => (Room: row.Room(0), Step: row.IsNull(1) ? 0 : row.Int32(1)),
            stop);
        return rows.Where(row => row.Step != 0).ToDictionary(row => row.Room, row => row.Step);
    }

    /// <summary>
    /// The changes of these rooms' current states after one position and up to another, in order of positions.
    /// </summary>
    public async ValueTask<IReadOnlyList<StateLogRow>> StateLogAsync(
        IReadOnlyCollection<RoomNid> rooms, long after, long through, CancellationToken stop)
    {
        var rows = await reads.ByKeysAsync(
            StateLog,
            rooms,
            By.Room,
            (after, through),
            static (a, q) => a.Int(q.after).Int(q.through),
            static row => new StateLogRow(row.Room(0), row.Int64(1), row.Int32(2)),
            stop);
        return [.. rows.OrderBy(row => row.Position)];
    }

    private static void Header(IArguments arguments, RoomHeader header) => arguments
        .Position().Int(header.Depth).Int(header.CurrentStep).Int(header.LastOrdinal).Int(header.FirstOrdinal)
        .Int(header.LastStep)
        .Int(header.LastNode).Int(header.JoinedCount).Int(header.InvitedCount)
        .Blob(ExtremitiesCode.Encode(header.Extremities));

    private static RoomRow Row(IRow row)
    {
        var header = new RoomHeader
        {
            Depth = row.Int64(6),
            CurrentStep = row.Int32(7),
            LastOrdinal = (uint)row.Int64(8),
            FirstOrdinal = (uint)row.Int64(9),
            LastStep = row.Int32(10),
            LastNode = row.Int32(11),
            JoinedCount = row.Int32(12),
            InvitedCount = row.Int32(13),
            Extremities = ExtremitiesCode.Decode(row.Blob(14)),
        };
        var position = row.Int64(5);
        if (!row.IsNull(15))
        {
            header = header.After(row.Nid(15).Ordinal, row.EventId(16));
            position = Math.Max(position, row.Int64(17));
        }

        return new RoomRow(row.Room(0), row.Text(1), row.Text(2), row.Text(3), row.Int64(4), header, position)
        {
            IsFederated = row.Bool(18),
        };
    }
}
