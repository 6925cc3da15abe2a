using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.StagedEvents;

internal sealed class StagedEventsTable(IReads reads) : IStagedEventsTable
{
    private static readonly Statement Rooms = Statement.Of("SELECT DISTINCT room_nid FROM staged_events");

    private static readonly Statement OfRoom = Statement.Of("""
        SELECT event_id, peer, json, staged_at FROM staged_events WHERE room_nid = $1 ORDER BY position, seq LIMIT $2
        """);

    private static readonly Statement Any = Statement.Of("SELECT 1 FROM staged_events WHERE room_nid = $1 LIMIT 1");

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO staged_events (room_nid, position, seq, peer, event_id, json, staged_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
        """);

    private static readonly Statement Delete = Statement.Of(
        "DELETE FROM staged_events WHERE room_nid = $1 AND event_id = $2");

    private static readonly Statement GivenUp = Statement.Of("""
        SELECT event_id, given_up_at, reason FROM given_up_events WHERE room_nid = $1
        ORDER BY position DESC, seq DESC LIMIT $2
        """);

    private static readonly Statement GiveUp = Statement.Of("""
        INSERT INTO given_up_events (room_nid, position, seq, event_id, given_up_at, reason)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (room_nid, event_id) DO UPDATE SET position = excluded.position, seq = excluded.seq,
            given_up_at = excluded.given_up_at, reason = excluded.reason
        """);

    private static readonly Statement TrimGivenUp = Statement.Of("""
        DELETE FROM given_up_events WHERE room_nid = $1 AND event_id NOT IN (
            SELECT event_id FROM given_up_events WHERE room_nid = $1 ORDER BY position DESC, seq DESC LIMIT $2)
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<EventStaged>(
            Insert,
            static (a, op) => a.Room(op.Room).Position().Sequence().Text(op.Peer).EventId(op.EventId).Blob(op.Json)
                .Int(op.StagedAt))
        .On<StagedEventRemoved>(Delete, static (a, op) => a.Room(op.Room).EventId(op.EventId))
        .On<StagedEventGivenUp>(static (op, writes) =>
        {
            writes.Run(
                GiveUp,
                op,
                static (a, op) => a.Room(op.Room).Position().Sequence().EventId(op.EventId).Now().Text(op.Reason));
            writes.Run(TrimGivenUp, op, static (a, op) => a.Room(op.Room).Int(op.Keep));
        });

    public ValueTask<IReadOnlyList<RoomNid>> RoomsAsync(CancellationToken stop) =>
        reads.ListAsync(Rooms, static row => row.Room(0), stop);

    public async ValueTask<bool> AnyAsync(RoomNid room, CancellationToken stop) =>
        await reads.FirstAsync(Any, room, static (a, room) => a.Room(room), static _ => true, stop);

    public ValueTask<IReadOnlyList<StagedEventRow>> OfRoomAsync(RoomNid room, int limit, CancellationToken stop) =>
        reads.ListAsync(
            OfRoom,
            (room, limit),
            static (a, q) => a.Room(q.room).Int(q.limit),
            static row => new StagedEventRow(row.EventId(0), row.Text(1), row.Blob(2), row.Int64(3)),
            stop);

    public ValueTask<IReadOnlyList<GivenUpEventRow>> GivenUpAsync(RoomNid room, int limit, CancellationToken stop) =>
        reads.ListAsync(
            GivenUp,
            (room, limit),
            static (a, q) => a.Room(q.room).Int(q.limit),
            static row => new GivenUpEventRow(row.EventId(0), row.Int64(1), row.Text(2)),
            stop);
}
