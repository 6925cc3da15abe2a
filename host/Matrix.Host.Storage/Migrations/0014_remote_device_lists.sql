-- The joined rooms of other servers' users.
CREATE INDEX memberships_remote_user ON memberships (user_id) WHERE is_local = 0 AND membership = 1;

-- Device lists of other servers' users. Updates were received without a gap since the position shared_since, as long as
-- a room was shared.
CREATE TABLE remote_device_lists (
    fetched_id INTEGER NOT NULL,
    shared_since INTEGER NOT NULL,
    is_stale SMALLINT NOT NULL,
    user_id TEXT NOT NULL,
    received_ids BLOB NOT NULL,
    master_key BLOB,
    self_signing_key BLOB,
    PRIMARY KEY (user_id)
) WITHOUT ROWID;
CREATE INDEX remote_device_lists_stale ON remote_device_lists (user_id) WHERE is_stale = 1;

CREATE TABLE remote_devices (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    display_name TEXT,
    keys BLOB NOT NULL,
    PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID;
