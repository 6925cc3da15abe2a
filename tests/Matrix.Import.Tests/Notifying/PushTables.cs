namespace Matrix.Import.Tests.Notifying;

/// <summary>The tables of receipts and notifications.</summary>
internal static class PushTables
{
    public static IReadOnlyList<string> All { get; } =
    [
        """
        CREATE TABLE receipts_linearized (
            stream_id BIGINT NOT NULL, room_id TEXT NOT NULL, receipt_type TEXT NOT NULL, user_id TEXT NOT NULL,
            event_id TEXT NOT NULL, data TEXT NOT NULL, thread_id TEXT);
        CREATE TABLE event_push_actions (
            room_id TEXT NOT NULL, event_id TEXT NOT NULL, user_id TEXT NOT NULL, profile_tag VARCHAR(32),
            actions TEXT NOT NULL, topological_ordering BIGINT, stream_ordering BIGINT, notif SMALLINT,
            highlight SMALLINT, unread SMALLINT, thread_id TEXT);
        CREATE TABLE event_push_summary (
            user_id TEXT NOT NULL, room_id TEXT NOT NULL, notif_count BIGINT NOT NULL,
            stream_ordering BIGINT NOT NULL, unread_count BIGINT, last_receipt_stream_ordering BIGINT,
            thread_id TEXT);
        CREATE TABLE event_push_summary_stream_ordering (
            lock CHAR(1) NOT NULL DEFAULT 'X' UNIQUE, stream_ordering BIGINT NOT NULL);
        """,
    ];
}
