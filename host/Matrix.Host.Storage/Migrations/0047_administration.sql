-- What administrators did. Rows that are too old, or too many, are deleted when one is added.
CREATE TABLE audit_log (
    entry_id INTEGER PRIMARY KEY,
    done_at INTEGER NOT NULL,
    who TEXT NOT NULL,
    address TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    result TEXT NOT NULL
);
CREATE INDEX audit_log_age ON audit_log (done_at);

-- Rooms that local users may not join, known here or not.
CREATE TABLE blocked_rooms (
    room_id TEXT NOT NULL PRIMARY KEY,
    blocked_by TEXT NOT NULL,
    blocked_at INTEGER NOT NULL
) WITHOUT ROWID;
