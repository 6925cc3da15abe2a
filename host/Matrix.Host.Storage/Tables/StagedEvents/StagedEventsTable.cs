using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.StagedEvents;

/// <summary>
/// Received events that wait for others, and those of them that were given up. Their sender's transaction was
/// acknowledged.
/// </summary>
public sealed class StagedEventsTable(IReads reads)
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

    internal static void Register(WriteHandlers handlers) => handlers
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

    /// <summary>The rooms that have any.</summary>
    public ValueTask<IReadOnlyList<RoomNid>> RoomsAsync(CancellationToken stop) =>
        reads.ListAsync(Rooms, static row => row.Room(0), stop);

    /// <summary>Whether a room has any.</summary>
    public async ValueTask<bool> AnyAsync(RoomNid room, CancellationToken stop) =>
        await reads.FirstAsync(Any, room, static (a, room) => a.Room(room), static _ => true, stop);

    /// <summary>A room's staged events, in the order in which they came.</summary>
    public ValueTask<IReadOnlyList<StagedEventRow>> OfRoomAsync(RoomNid room, int limit, CancellationToken stop) =>
        reads.ListAsync(
            OfRoom,
            (room, limit),
            static (a, q) => a.Room(q.room).Int(q.limit),
            static row => new StagedEventRow(row.EventId(0), row.Text(1), row.Blob(2), row.Int64(3)),
            stop);

    /// <summary>The events of a room that were given up, the latest first.</summary>
    public ValueTask<IReadOnlyList<GivenUpEventRow>> GivenUpAsync(RoomNid room, int limit, CancellationToken stop) =>
        reads.ListAsync(
            GivenUp,
            (room, limit),
            static (a, q) => a.Room(q.room).Int(q.limit),
            static row => new GivenUpEventRow(row.EventId(0), row.Int64(1), row.Text(2)),
            stop);
}

/// <summary>A staged event.</summary>
/// <param name="Peer">The server that sent it.</param>
/// <param name="Json">The event as it came.</param>
/// <param name="StagedAt">When it came, in milliseconds; 0 if that is not known.</param>
public sealed record StagedEventRow(string EventId, string Peer, ReadOnlyMemory<byte> Json, long StagedAt);

/// <summary>A staged event that was given up.</summary>
/// <param name="GivenUpAt">When, in milliseconds.</param>
public sealed record GivenUpEventRow(string EventId, long GivenUpAt, string Reason);

/// <summary>A received event waits for others. A second copy of it is ignored.</summary>
/// <remarks>Other nodes do not get the event.</remarks>
public sealed record EventStaged(
    RoomNid Room, string EventId, string Peer, ReadOnlyMemory<byte> Json, long StagedAt) : Change
{
    internal override int Weight => 200 + Json.Length;
}

/// <summary>A staged event was decided or dropped.</summary>
public sealed record StagedEventRemoved(RoomNid Room, string EventId) : Change;

/// <summary>A staged event was given up.</summary>
/// <param name="Keep">The most such events of a room that are kept; the earliest are deleted.</param>
public sealed record StagedEventGivenUp(RoomNid Room, string EventId, string Reason, int Keep) : Change;
