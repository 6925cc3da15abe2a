using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Events;

/// <summary>An event that a purge of history may delete.</summary>
/// <param name="Sender">Its sender.</param>
public sealed record PurgeableEvent(EventNid Nid, string Sender);

/// <summary>Messages of a room are deleted with all that is stored about them.</summary>
public sealed record EventsPurged(RoomNid Room, IReadOnlyList<EventNid> Events) : Change
{
    internal override int Weight => 1000 * Events.Count;
}

/// <summary>
/// The events of a room before this one were purged: threads without events go, the others are counted again, and so
/// are unread events.
/// </summary>
/// <param name="UnreadUsers">The users who may have unread events there.</param>
/// <remarks>Other nodes do not get the users.</remarks>
public sealed record HistoryPurged(RoomNid Room, EventNid Before, IReadOnlyList<string> UnreadUsers) : Change;

/// <summary>What may be deleted of a room's history, and how.</summary>
internal static class EventPurges
{
    // 1 marks state events. A thread that goes on keeps its root, and an event that stays keeps its redaction.
    public static readonly Statement Candidates = Statement.Of("""
        SELECT e.event_nid, e.sender FROM events e
        WHERE e.event_nid > $1 AND e.event_nid < $2 AND e.marks & 1 = 0
            AND NOT EXISTS (SELECT 1 FROM threads t
                WHERE t.room_nid = $3 AND t.root_id = e.event_id AND t.latest_nid >= $2)
            AND NOT EXISTS (SELECT 1 FROM events r
                WHERE r.redacted_by = e.event_nid AND (r.marks & 1 = 1 OR r.event_nid >= $2))
        ORDER BY e.event_nid LIMIT $4
        """);

    public static readonly Statement OfSender = Statement.Of("""
        SELECT event_nid, event_id FROM events
        WHERE event_nid < $1 AND event_nid >= $2 AND sender = $3 AND redacted_by IS NULL AND marks & 1 = 0
        ORDER BY event_nid DESC LIMIT $4
        """);

    private static readonly Statement[] _deletes =
    [
        Statement.Of("DELETE FROM relations WHERE event_nid = $1"),
        Statement.Of("DELETE FROM search_events WHERE event_nid = $1"),
        Statement.Of("DELETE FROM search_events WHERE text_nid = $1 AND text_nid <> event_nid"),
        Statement.Of("DELETE FROM refused_events WHERE event_nid = $1"),
        Statement.Of("DELETE FROM states_before WHERE event_nid = $1"),
        Statement.Of(
            sqlite: "DELETE FROM event_json WHERE json_id = (SELECT json_id FROM events WHERE event_nid = $1)",
            postgres: "DELETE FROM events WHERE event_nid = $1"),
        Statement.Of("DELETE FROM events WHERE event_nid = $1"),
    ];

    private static readonly Statement _gap = Statement.Of(
        "DELETE FROM followers WHERE room_nid = $1 AND event_nid = $2 AND is_gap = 1");

    private static readonly Statement _endThreads = Statement.Of("""
        DELETE FROM threads WHERE room_nid = $1 AND latest_nid < $2
            AND NOT EXISTS (SELECT 1 FROM relations r
                WHERE r.parent_id = threads.root_id AND r.rel_type = 'm.thread'
                    AND r.event_nid >= $3 AND r.event_nid < $2)
        """);

    private static readonly Statement _countThreads = Statement.Of("""
        UPDATE threads SET count = (SELECT COUNT(*) FROM relations r
            WHERE r.parent_id = threads.root_id AND r.rel_type = 'm.thread'
                AND r.event_nid >= $2 AND r.event_nid <= $3)
        WHERE room_nid = $1
        """);

    // What stays is as unread as it was: a purge may leave this server's messages, and younger ones.
    private static readonly Statement _unread = Statement.Of("""
        DELETE FROM unread WHERE user_id = $1 AND event_nid >= $2 AND event_nid < $3
            AND NOT EXISTS (SELECT 1 FROM events e WHERE e.event_nid = unread.event_nid)
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<EventsPurged>(static (op, writes) =>
        {
            foreach (var nid in op.Events)
            {
                writes.Run(_gap, (op.Room, nid), static (a, it) => a.Room(it.Room).Nid(it.nid));
                foreach (var statement in _deletes) writes.Run(statement, nid, static (a, nid) => a.Nid(nid));
            }
        })
        .On<HistoryPurged>(static (op, writes) =>
        {
            writes.Run(_endThreads, op, static (a, op) => a
                .Room(op.Room).Nid(op.Before).Nid(EventNid.FirstOf(op.Room)));
            writes.Run(_countThreads, op, static (a, op) => a
                .Room(op.Room).Nid(EventNid.FirstOf(op.Room)).Nid(EventNid.LastOf(op.Room)));
            foreach (var userId in op.UnreadUsers)
            {
                writes.Run(_unread, (op, userId), static (a, it) => a
                    .Text(it.userId).Nid(EventNid.FirstOf(it.op.Room)).Nid(it.op.Before));
            }
        });
}
