-- The first schema. The text is the same for both databases: for PostgreSQL, INTEGER becomes BIGINT, BLOB becomes
-- BYTEA, TEXT gets the collation "C", and WITHOUT ROWID is dropped. A line can be marked for one database only.
-- The upper 32 bits of the numbers of events, steps, checkpoints and nodes are the room's number, so the rows of a room
-- are one range of each table.

-- The server that this database belongs to.
CREATE TABLE identity (
    one INTEGER PRIMARY KEY,
    server_name TEXT NOT NULL
);

-- The sequence of positions. On SQLite no position above it has been used; on PostgreSQL it is the last one used.
CREATE TABLE sequence (
    one INTEGER PRIMARY KEY,
    position INTEGER NOT NULL
);
INSERT INTO sequence (one, position) VALUES (1, 0);

CREATE TABLE rooms (
    room_nid INTEGER PRIMARY KEY,
    last_position INTEGER NOT NULL,
    depth INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_ordinal INTEGER NOT NULL,
    first_ordinal INTEGER NOT NULL,
    current_step INTEGER NOT NULL,
    last_step INTEGER NOT NULL,
    last_node INTEGER NOT NULL,
    joined_count INTEGER NOT NULL,
    invited_count INTEGER NOT NULL,
    room_id TEXT NOT NULL UNIQUE,
    version TEXT NOT NULL,
    creator TEXT NOT NULL,
    extremities BLOB NOT NULL
);

CREATE TABLE current_state_log (
    room_nid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (room_nid, position)
) WITHOUT ROWID;

-- SQLite stores rows in the order of their keys. With the JSON in the rows, about four would fill a page, and almost
-- every event would split a page in the middle of the table. So the JSON is in a table of its own, in order of arrival,
-- and the rows in the order of rooms are small. PostgreSQL always appends.
CREATE TABLE events (
    event_nid INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    thread_root INTEGER,
    redacted_by INTEGER,
    step INT NOT NULL,
    standing SMALLINT NOT NULL,
    notify_class SMALLINT NOT NULL,
    event_id BLOB NOT NULL UNIQUE,
    sender TEXT NOT NULL,
    sent_as_device TEXT,
    sent_as_txn TEXT,
    json_id INTEGER NOT NULL -- SQLite only
    json BLOB NOT NULL -- PostgreSQL only
);

CREATE TABLE event_json (json_id INTEGER PRIMARY KEY, json BLOB NOT NULL); -- SQLite only

CREATE TABLE state_steps (
    step_key INTEGER PRIMARY KEY,
    parent INT NOT NULL,
    base INT NOT NULL,
    changes BLOB NOT NULL
);

CREATE TABLE state_checkpoints (
    step_key INTEGER PRIMARY KEY,
    root INT NOT NULL,
    data BLOB NOT NULL
);

CREATE TABLE state_nodes (
    node_key INTEGER PRIMARY KEY,
    data BLOB NOT NULL
);

CREATE TABLE memberships (
    room_nid INTEGER NOT NULL,
    event_nid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    membership SMALLINT NOT NULL,
    is_local SMALLINT NOT NULL,
    forgotten SMALLINT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (room_nid, user_id)
) WITHOUT ROWID;
CREATE INDEX memberships_local_user ON memberships (user_id) WHERE is_local = 1;
CREATE INDEX memberships_local_room ON memberships (room_nid) WHERE is_local = 1;

-- Requests with a transaction id, by the hash of their key. Old periods are deleted as a whole.
CREATE TABLE transactions (
    period INT NOT NULL,
    request BLOB NOT NULL,
    event_nid INTEGER,
    response BLOB,
    PRIMARY KEY (period, request)
) WITHOUT ROWID;

CREATE TABLE relations (
    event_nid INTEGER PRIMARY KEY,
    origin_server_ts INTEGER NOT NULL,
    parent_id BLOB NOT NULL,
    rel_type TEXT NOT NULL,
    event_type TEXT NOT NULL,
    sender TEXT NOT NULL,
    annotation_key TEXT
);
CREATE INDEX relations_parent ON relations (parent_id, event_nid);

CREATE TABLE threads (
    room_nid INTEGER NOT NULL,
    latest_nid INTEGER NOT NULL,
    count INTEGER NOT NULL,
    root_id BLOB NOT NULL,
    PRIMARY KEY (room_nid, root_id)
) WITHOUT ROWID;
CREATE INDEX threads_latest ON threads (room_nid, latest_nid);

CREATE TABLE receipts (
    room_nid INTEGER NOT NULL,
    event_nid INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    position INTEGER NOT NULL,
    is_local SMALLINT NOT NULL,
    user_id TEXT NOT NULL,
    type TEXT NOT NULL,
    thread_id TEXT NOT NULL,
    event_id BLOB NOT NULL,
    PRIMARY KEY (room_nid, user_id, type, thread_id)
) WITHOUT ROWID;
CREATE INDEX receipts_position ON receipts (room_nid, position);
CREATE INDEX receipts_local_user ON receipts (user_id) WHERE is_local = 1;

CREATE TABLE unread (
    event_nid INTEGER NOT NULL,
    thread_root INTEGER NOT NULL,
    kind SMALLINT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (user_id, event_nid)
) WITHOUT ROWID;

CREATE TABLE users (
    user_id TEXT NOT NULL PRIMARY KEY,
    kind SMALLINT NOT NULL,
    is_admin SMALLINT NOT NULL,
    erased SMALLINT NOT NULL,
    created_at INTEGER NOT NULL,
    deactivated_at INTEGER,
    password_hash TEXT
) WITHOUT ROWID;

CREATE TABLE devices (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER,
    last_seen_ip TEXT,
    display_name TEXT,
    PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID;

CREATE TABLE tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    kind SMALLINT NOT NULL,
    confirmed SMALLINT NOT NULL,
    generation INT NOT NULL,
    expires_at INTEGER,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX tokens_device ON tokens (user_id, device_id);

CREATE TABLE registration_tokens (
    token TEXT NOT NULL PRIMARY KEY,
    makes_admin SMALLINT NOT NULL,
    uses_allowed INT,
    completed INT NOT NULL,
    expires_at INTEGER
) WITHOUT ROWID;

CREATE TABLE login_tokens (
    hash BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    user_id TEXT NOT NULL
) WITHOUT ROWID;

-- room_nid 0: global account data.
CREATE TABLE account_data (
    user_id TEXT NOT NULL,
    room_nid INTEGER NOT NULL,
    type TEXT NOT NULL,
    position INTEGER NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (user_id, room_nid, type)
) WITHOUT ROWID;
CREATE INDEX account_data_position ON account_data (user_id, position);

CREATE TABLE profiles (
    user_id TEXT NOT NULL,
    field TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (user_id, field)
) WITHOUT ROWID;

CREATE TABLE filters (
    user_id TEXT NOT NULL,
    filter_id INTEGER NOT NULL,
    hash BLOB NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (user_id, filter_id),
    UNIQUE (user_id, hash)
) WITHOUT ROWID;

CREATE TABLE aliases (
    alias TEXT NOT NULL PRIMARY KEY,
    room_nid INTEGER NOT NULL,
    creator TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX aliases_room ON aliases (room_nid);

CREATE TABLE published_rooms (
    room_nid INTEGER PRIMARY KEY
);

CREATE TABLE device_keys (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID;

CREATE TABLE one_time_keys (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    key_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (user_id, device_id, algorithm, key_id)
) WITHOUT ROWID;

-- Recently claimed one-time keys: a repeated upload must not bring them back.
CREATE TABLE claimed_keys (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    key_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (user_id, device_id, algorithm, key_id)
) WITHOUT ROWID;

CREATE TABLE fallback_keys (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    key_id TEXT NOT NULL,
    used SMALLINT NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (user_id, device_id, algorithm)
) WITHOUT ROWID;

CREATE TABLE cross_signing_keys (
    user_id TEXT NOT NULL,
    usage SMALLINT NOT NULL,
    public_key TEXT NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (user_id, usage)
) WITHOUT ROWID;

CREATE TABLE key_signatures (
    target_user TEXT NOT NULL,
    target_key TEXT NOT NULL,
    signer TEXT NOT NULL,
    signer_key TEXT NOT NULL,
    signature TEXT NOT NULL,
    PRIMARY KEY (target_user, target_key, signer, signer_key)
) WITHOUT ROWID;

-- only_for: the only local user who sees the change; empty if all users who share a room see it.
CREATE TABLE device_list_changes (
    user_id TEXT NOT NULL,
    only_for TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (user_id, only_for)
) WITHOUT ROWID;
CREATE INDEX device_list_changes_position ON device_list_changes (position);

CREATE TABLE backup_versions (
    user_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    etag INTEGER NOT NULL,
    deleted SMALLINT NOT NULL,
    algorithm TEXT NOT NULL,
    auth_data BLOB NOT NULL,
    PRIMARY KEY (user_id, version)
) WITHOUT ROWID;

CREATE TABLE backup_keys (
    user_id TEXT NOT NULL,
    version INTEGER NOT NULL,
    room_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    first_message_index INTEGER NOT NULL,
    forwarded_count INTEGER NOT NULL,
    position INTEGER NOT NULL,
    is_verified SMALLINT NOT NULL,
    session_data BLOB NOT NULL,
    PRIMARY KEY (user_id, version, room_id, session_id)
) WITHOUT ROWID;

CREATE TABLE to_device (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (user_id, device_id, position, seq)
) WITHOUT ROWID;
