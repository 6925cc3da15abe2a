-- A thread's latest event could come from another room that names the same root. Such threads are counted again from
-- the events of their own room.
UPDATE threads SET
    count = (SELECT COUNT(*) FROM relations r WHERE r.parent_id = threads.root_id AND r.rel_type = 'm.thread'
        AND r.event_nid >= threads.room_nid * 4294967296 AND r.event_nid < (threads.room_nid + 1) * 4294967296),
    latest_nid = COALESCE((SELECT MAX(r.event_nid) FROM relations r
        WHERE r.parent_id = threads.root_id AND r.rel_type = 'm.thread'
        AND r.event_nid >= threads.room_nid * 4294967296 AND r.event_nid < (threads.room_nid + 1) * 4294967296), 0)
WHERE latest_nid < room_nid * 4294967296 OR latest_nid >= (room_nid + 1) * 4294967296;
DELETE FROM threads WHERE latest_nid = 0;

-- Redactions that arrived before their event, and apply when it arrives.
CREATE TABLE waiting_redactions (
    room_nid INTEGER NOT NULL,
    redaction_nid INTEGER NOT NULL,
    target_id BLOB NOT NULL,
    PRIMARY KEY (room_nid, target_id, redaction_nid)
) WITHOUT ROWID;
