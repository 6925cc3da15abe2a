-- When a staged event came, in milliseconds; 0 if it came before this column.
ALTER TABLE staged_events ADD COLUMN staged_at INTEGER NOT NULL DEFAULT 0;

-- Staged events that were given up, and why: the latest of each room.
CREATE TABLE given_up_events (
    room_nid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    event_id BLOB NOT NULL,
    given_up_at INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (room_nid, event_id)
) WITHOUT ROWID;

-- Auth chains are read downwards too, for other servers.
CREATE INDEX auth_citations_by_citing ON auth_citations (citing_nid, cited_nid);
