-- Other servers that did not answer for a while.
CREATE TABLE destinations (
    server_name TEXT NOT NULL PRIMARY KEY,
    failures INTEGER NOT NULL,
    retry_at INTEGER NOT NULL,
    last_success INTEGER NOT NULL
) WITHOUT ROWID;

-- Events that such servers have not got yet: the ordinals of a room's events, four bytes each. An open row is also owed
-- the newest outbound event of the room.
CREATE TABLE outbound_owed (
    room_nid INTEGER NOT NULL,
    is_open SMALLINT NOT NULL,
    server_name TEXT NOT NULL,
    ordinals BLOB NOT NULL,
    PRIMARY KEY (server_name, room_nid)
) WITHOUT ROWID;

-- Events that a server refused, and that are not sent to it again.
CREATE TABLE outbound_refused (
    event_nid INTEGER NOT NULL,
    refused_at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    server_name TEXT NOT NULL,
    error_code TEXT NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (server_name, event_nid)
) WITHOUT ROWID;
