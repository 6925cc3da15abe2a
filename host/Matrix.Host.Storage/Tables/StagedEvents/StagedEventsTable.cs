using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.StagedEvents;

internal sealed class StagedEventsTable(IReads reads) : IStagedEventsTable
{
    private static readonly Statement Rooms = Statement.Of("SELECT DISTINCT room_nid FROM staged_events");

    private static readonly Statement OfRoom = Statement.Of("""
        SELECT event_id, peer, json FROM staged_events WHERE room_nid = $1 ORDER BY position, seq LIMIT $2
        """);

    private static readonly Statement Any = Statement.Of("SELECT 1 FROM staged_events WHERE room_nid = $1 LIMIT 1");

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO staged_events (room_nid, position, seq, peer, event_id, json) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT DO NOTHING
        """);

    private static readonly Statement Delete = Statement.Of(
        "DELETE FROM staged_events WHERE room_nid = $1 AND event_id = $2");

    public static void Register(WriteHandlers handlers) => handlers
        .On<EventStaged>(
            Insert,
            static (a, op) => a.Room(op.Room).Position().Sequence().Text(op.Peer).EventId(op.EventId).Blob(op.Json))
        .On<StagedEventRemoved>(Delete, static (a, op) => a.Room(op.Room).EventId(op.EventId));

    public ValueTask<IReadOnlyList<RoomNid>> RoomsAsync(CancellationToken stop) =>
        reads.ListAsync(Rooms, static row => row.Room(0), stop);

    public async ValueTask<bool> AnyAsync(RoomNid room, CancellationToken stop) =>
        await reads.FirstAsync(Any, room, static (a, room) => a.Room(room), static _ => true, stop)
            .ConfigureAwait(false);

    public ValueTask<IReadOnlyList<StagedEventRow>> OfRoomAsync(RoomNid room, int limit, CancellationToken stop) =>
        reads.ListAsync(
            OfRoom,
            (room, limit),
            static (a, q) => a.Room(q.room).Int(q.limit),
            static row => new StagedEventRow(row.EventId(0), row.Text(1), row.Blob(2)),
            stop);
}
