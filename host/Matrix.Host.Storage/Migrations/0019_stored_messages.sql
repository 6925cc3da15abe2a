-- When a message to another server's user was stored, in milliseconds. Those that wait already count from now on.
ALTER TABLE outbound_messages ADD COLUMN stored_at INTEGER NOT NULL DEFAULT 0;
UPDATE outbound_messages SET stored_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000; -- SQLite only
UPDATE outbound_messages SET stored_at = CAST(EXTRACT(EPOCH FROM now()) AS INTEGER) * 1000; -- PostgreSQL only

-- The servers that a sender's messages wait for are read from the index alone.
DROP INDEX outbound_messages_of_sender;
CREATE INDEX outbound_messages_of_sender ON outbound_messages (sender, server_name, size);
