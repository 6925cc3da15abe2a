-- Threads whose latest event was taken from another room that names the same root: read again from the room's own events.
UPDATE threads SET
    count = (SELECT COUNT(*) FROM relations r WHERE r.parent_id = threads.root_id AND r.rel_type = 'm.thread'
        AND r.event_nid >= threads.room_nid * 4294967296 AND r.event_nid < (threads.room_nid + 1) * 4294967296),
    latest_nid = COALESCE((SELECT MAX(r.event_nid) FROM relations r WHERE r.parent_id = threads.root_id AND r.rel_type = 'm.thread'
        AND r.event_nid >= threads.room_nid * 4294967296 AND r.event_nid < (threads.room_nid + 1) * 4294967296), 0)
WHERE latest_nid < room_nid * 4294967296 OR latest_nid >= (room_nid + 1) * 4294967296;
DELETE FROM threads WHERE latest_nid = 0;

-- Redactions whose event is not here: applied when it comes.
CREATE TABLE waiting_redactions (
    room_nid INTEGER NOT NULL,
    redaction_nid INTEGER NOT NULL,
    target_id BLOB NOT NULL,
    PRIMARY KEY (room_nid, target_id, redaction_nid)
) WITHOUT ROWID;
