-- The latest changes of local users' devices, in the order in which other servers get them. An empty device_id stands
-- for the cross-signing keys. prev_id is the latest earlier change of a device.
CREATE TABLE device_updates (
    stream_id INTEGER NOT NULL,
    prev_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    PRIMARY KEY (user_id, stream_id)
) WITHOUT ROWID;
CREATE INDEX device_updates_position ON device_updates (position);

-- Servers that have not got the changes of a user after this one.
CREATE TABLE outbound_device_lists (
    after_id INTEGER NOT NULL,
    server_name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (server_name, user_id)
) WITHOUT ROWID;
