-- Connections of sliding sync, as they were when the server stopped or the connection had been idle for long.
CREATE TABLE sliding_connections (
    used_at INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    connection_id TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (user_id, device_id, connection_id)
) WITHOUT ROWID;
CREATE INDEX sliding_connections_age ON sliding_connections (used_at);
