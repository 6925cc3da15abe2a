namespace Matrix.Import.Tests.RoomData;

/// <summary>The table of delayed events, with the columns that the import reads.</summary>
internal static class DelayedTable
{
    public const string Text = """
        CREATE TABLE delayed_events (
            delay_id TEXT NOT NULL, user_localpart TEXT NOT NULL, device_id TEXT, delay BIGINT NOT NULL,
            send_ts BIGINT NOT NULL, room_id TEXT NOT NULL, event_type TEXT NOT NULL, state_key TEXT,
            origin_server_ts BIGINT, content TEXT NOT NULL, is_processed BOOLEAN NOT NULL DEFAULT FALSE,
            sticky_duration_ms BIGINT)
        """;
}
