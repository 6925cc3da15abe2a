-- Events of other servers.
ALTER TABLE events RENAME COLUMN standing TO marks;

-- Whether the room has, or had, members of other servers. Only such rooms have rows in the tables below.
ALTER TABLE rooms ADD COLUMN federated SMALLINT NOT NULL DEFAULT 0;

-- Why an event was rejected or soft-failed.
CREATE TABLE refused_events (
    event_nid INTEGER PRIMARY KEY,
    clause TEXT NOT NULL,
    reason TEXT NOT NULL
);

-- Outliers that came live later: states name the number of the outlier.
CREATE TABLE renumbered_events (
    outlier_nid INTEGER PRIMARY KEY,
    event_nid INTEGER NOT NULL
);

-- Events that name an event in prev_events which was not accepted, or not known, when they were decided.
CREATE TABLE followers (
    room_nid INTEGER NOT NULL,
    event_nid INTEGER NOT NULL,
    is_gap SMALLINT NOT NULL,
    previous_id BLOB NOT NULL,
    PRIMARY KEY (room_nid, previous_id, event_nid)
) WITHOUT ROWID;

-- The accepted state events that name an event in auth_events.
CREATE TABLE auth_citations (
    cited_nid INTEGER NOT NULL,
    citing_nid INTEGER NOT NULL,
    PRIMARY KEY (cited_nid, citing_nid)
) WITHOUT ROWID;

-- The height of a state event: one more than the greatest among its auth events.
CREATE TABLE auth_heights (
    event_nid INTEGER PRIMARY KEY,
    height INTEGER NOT NULL
);

-- Received events that wait for others. Their sender was told that they are here.
CREATE TABLE staged_events (
    room_nid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    peer TEXT NOT NULL,
    event_id BLOB NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (room_nid, event_id)
) WITHOUT ROWID;

-- The last transaction of each server, and its response.
CREATE TABLE received_transactions (
    origin TEXT NOT NULL PRIMARY KEY,
    received_at INTEGER NOT NULL,
    transaction_id TEXT NOT NULL,
    response BLOB NOT NULL
) WITHOUT ROWID;
