using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.RoomRows;

/// <summary>
/// How the rows of a room are found and deleted in a table. A new table with rows of rooms gets a line in
/// <see cref="All"/>.
/// </summary>
internal sealed record RoomRows(string Table, string Key, bool IsByNumber, Statement Any, Statement[] Deletes)
{
    /// <summary>The tables whose keys begin with a user.</summary>
    public static readonly string[] OfUsers = ["unread", "account_data"];

    /// <summary>The other tables, in the order in which they are emptied.</summary>
    public static readonly IReadOnlyList<RoomRows> All =
    [
        OfRoom("aliases", "alias"),
        OfRoom("published_rooms", "room_nid"),
        OfRoom("network_rooms", "room_nid, instance_id"),
        OfRoom("staged_events", "room_nid, event_id"),
        OfRoom("given_up_events", "room_nid, event_id"),
        OfRoom("server_notice_rooms", "user_id"),
        OfRoom("guest_access_changes", "room_nid"),
        OfRoom("directory_pending_rooms", "room_nid"),
        OfNumbers("push_owed", "event_nid", "pusher_id, position, event_nid"),
        OfRoom("receipts", "room_nid, user_id, type, thread_id"),
        OfRoom("threads", "room_nid, root_id"),
        OfRoom("thread_subscriptions", "room_nid, root_id, user_id"),
        OfRoom("waiting_redactions", "room_nid, target_id, redaction_nid"),
        OfRoom("followers", "room_nid, previous_id, event_nid"),
        OfNumbers("relations", "event_nid", "event_nid"),
        OfNumbers("auth_citations", "cited_nid", "cited_nid, citing_nid"),
        OfNumbers("auth_heights", "event_nid", "event_nid"),
        OfNumbers("states_before", "event_nid", "event_nid"),
        OfNumbers("refused_events", "event_nid", "event_nid"),
        OfNumbers("renumbered_events", "outlier_nid", "outlier_nid"),
        Events(),

        // After the events: of an event that is gone no words are written any more.
        OfNumbers("search_pending", "first_nid", "first_nid"),
        OfNumbers("search_events", "event_nid", "event_nid"),
        OfRoom("current_state_log", "room_nid, position"),
        OfRoom("imported_writers", "room_nid, position"),
        OfNumbers("state_steps", "step_key", "step_key"),
        OfNumbers("state_checkpoints", "step_key", "step_key"),
        OfNumbers("state_nodes", "node_key", "node_key"),
        OfNumbers("outbound_refused", "event_nid", "server_name, event_nid"),
        OfRoom("outbound_owed", "server_name, room_nid"),
        OfRoom("memberships", "room_nid, user_id"),
    ];

    private const string OnSqliteOnly = "SELECT $1::bigint, $2::bigint, $3::bigint WHERE false";

    private static RoomRows OfRoom(string table, string key) => Of(table, key, byNumber: false, "room_nid = $1");

    private static RoomRows OfNumbers(string table, string number, string key) =>
        Of(table, key, byNumber: true, $"{number} >= $1 AND {number} <= $2");

    private static RoomRows Of(string table, string key, bool byNumber, string where)
    {
        var tuple = key.Contains(',', StringComparison.Ordinal) ? $"({key})" : key;
        var limit = byNumber ? "$3" : "$2";
        return new RoomRows(
            table,
            key,
            byNumber,
            Statement.Of($"SELECT 1 FROM {table} WHERE {where} LIMIT 1"),
            [
                Statement.Of($"""
                    DELETE FROM {table} WHERE {tuple} IN (SELECT {key} FROM {table} WHERE {where} LIMIT {limit})
                    """),
            ]);
    }

    /// <summary>
    /// The events, with the commits that they came with. SQLite has their JSON in a table of its own.
    /// </summary>
    private static RoomRows Events()
    {
        const string Some = "FROM events WHERE event_nid >= $1 AND event_nid <= $2 ORDER BY event_nid LIMIT $3";
        return new RoomRows(
            "events",
            "event_nid",
            IsByNumber: true,
            Statement.Of("SELECT 1 FROM events WHERE event_nid >= $1 AND event_nid <= $2 LIMIT 1"),
            [
                // PostgreSQL deletes both with the events in one statement.
                Statement.Of(
                    sqlite: $"DELETE FROM commits WHERE (position, event_nid) IN (SELECT position, event_nid {Some})",
                    postgres: $"""
                        WITH gone AS (
                            DELETE FROM events WHERE event_nid IN (SELECT event_nid {Some})
                            RETURNING position, event_nid)
                        DELETE FROM commits c USING gone g
                            WHERE c.position = g.position AND c.event_nid = g.event_nid
                        """),
                Statement.Of(
                    sqlite: $"DELETE FROM event_json WHERE json_id IN (SELECT json_id {Some})",
                    postgres: OnSqliteOnly),
                Statement.Of(
                    sqlite: $"DELETE FROM events WHERE event_nid IN (SELECT event_nid {Some})",
                    postgres: OnSqliteOnly),
            ]);
    }
}
