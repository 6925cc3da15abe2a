-- What users reported to the operators. kind: 1 an event, 2 a room, 3 a user.
CREATE TABLE reports (
    report_id INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    kind SMALLINT NOT NULL,
    reporter TEXT NOT NULL,
    room_id TEXT,
    event_id TEXT,
    user_id TEXT,
    reason TEXT NOT NULL
);
CREATE INDEX reports_reporter ON reports (reporter, report_id);
