using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Followers;

internal sealed class FollowersTable(IReads reads) : IFollowersTable
{
    private static readonly Statement Gaps = Statement.Of(
        "SELECT DISTINCT previous_id FROM followers WHERE room_nid = $1 AND is_gap = 1 LIMIT $2");

    private static readonly Statement Open = Statement.Of("""
        SELECT DISTINCT event_nid FROM followers
        WHERE room_nid = $1 AND is_gap = 1 AND event_nid >= $2 AND event_nid <= $3 ORDER BY event_nid LIMIT $4
        """);

    private static readonly Statement OpenBefore = Statement.Of("""
        SELECT DISTINCT event_nid FROM followers
        WHERE room_nid = $1 AND is_gap = 1 AND event_nid < $2 ORDER BY event_nid DESC LIMIT $3
        """);

    private static readonly Statement Followers = Statement.ByKeys(
        "SELECT previous_id, event_nid FROM followers WHERE previous_id = KEY AND room_nid = $2");

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO followers (room_nid, event_nid, is_gap, previous_id) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
        """);

    private static readonly Statement Close = Statement.Of(
        "UPDATE followers SET is_gap = 0 WHERE room_nid = $1 AND previous_id = $2");

    public static void Register(WriteHandlers handlers) => handlers
        .On<FollowerDecided>(
            Insert,
            static (a, op) => a.Room(op.Follower.Room).Nid(op.Follower).Bool(op.IsGap).EventId(op.PreviousId))
        .On<GapClosed>(Close, static (a, op) => a.Room(op.Room).EventId(op.EventId));

    public ValueTask<IReadOnlyList<string>> GapsAsync(RoomNid room, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Gaps, (room, limit), static (a, q) => a.Room(q.room).Int(q.limit), static row => row.EventId(0), stop);

    public ValueTask<IReadOnlyList<EventNid>> OpenAsync(
        EventNid first, EventNid last, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Open,
            (first, last, limit),
            static (a, q) => a.Room(q.first.Room).Nid(q.first).Nid(q.last).Int(q.limit),
            static row => row.Nid(0),
            stop);

    public ValueTask<IReadOnlyList<EventNid>> OpenBeforeAsync(EventNid before, int limit, CancellationToken stop) =>
        reads.ListAsync(
            OpenBefore,
            (before, limit),
            static (a, q) => a.Room(q.before.Room).Nid(q.before).Int(q.limit),
            static row => row.Nid(0),
            stop);

    public ValueTask<IReadOnlyList<FollowerRow>> OfAsync(
        RoomNid room, IReadOnlyCollection<string> previousIds, CancellationToken stop) =>
        reads.ByKeysAsync(
            Followers,
            previousIds,
            By.EventId,
            room,
            static (a, room) => a.Room(room),
            static row => new FollowerRow(row.EventId(0), row.Nid(1)),
            stop);
}
