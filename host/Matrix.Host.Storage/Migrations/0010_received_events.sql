-- Events of other servers.
ALTER TABLE events RENAME COLUMN standing TO marks;

-- Servers choose the event ids of room versions 1 and 2, so an id is unique in its room only. SQLite cannot drop the
-- constraint of a column: the table is copied.
ALTER TABLE events DROP CONSTRAINT events_event_id_key; -- PostgreSQL only
CREATE TABLE copied_events ( -- SQLite only
    event_nid INTEGER PRIMARY KEY, -- SQLite only
    position INTEGER NOT NULL, -- SQLite only
    thread_root INTEGER, -- SQLite only
    redacted_by INTEGER, -- SQLite only
    step INT NOT NULL, -- SQLite only
    marks SMALLINT NOT NULL, -- SQLite only
    notify_class SMALLINT NOT NULL, -- SQLite only
    event_id BLOB NOT NULL, -- SQLite only
    sender TEXT NOT NULL, -- SQLite only
    sent_as_device TEXT, -- SQLite only
    sent_as_txn TEXT, -- SQLite only
    json_id INTEGER NOT NULL -- SQLite only
); -- SQLite only
INSERT INTO copied_events -- SQLite only
SELECT event_nid, position, thread_root, redacted_by, step, marks, notify_class, event_id, sender, -- SQLite only
       sent_as_device, sent_as_txn, json_id FROM events ORDER BY event_nid; -- SQLite only
DROP TABLE events; -- SQLite only
ALTER TABLE copied_events RENAME TO events; -- SQLite only
CREATE INDEX events_redacted ON events (redacted_by) WHERE redacted_by IS NOT NULL; -- SQLite only
CREATE UNIQUE INDEX events_by_id ON events (event_id, (event_nid / 4294967296));

-- Whether the room has, or had, members of other servers. Only such rooms have rows in the tables below.
ALTER TABLE rooms ADD COLUMN federated SMALLINT NOT NULL DEFAULT 0;

-- Why an event was rejected or soft-failed.
CREATE TABLE refused_events (
    event_nid INTEGER PRIMARY KEY,
    clause TEXT NOT NULL,
    reason TEXT NOT NULL
);

-- The state before a state event, by its step, where it is not the parent of the step after the event.
CREATE TABLE states_before (
    event_nid INTEGER PRIMARY KEY,
    step INT NOT NULL
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
