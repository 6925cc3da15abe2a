-- One row for each batch of events of a room, in commit order: the range of its events, and the request that made them.
-- It replaces an index of events by position, which wrote one more page to the log for each message.
CREATE TABLE commits (
    position INTEGER NOT NULL,
    event_nid INTEGER NOT NULL,
    ordinals INTEGER NOT NULL,
    request BLOB,
    PRIMARY KEY (position, event_nid)
) WITHOUT ROWID;
INSERT INTO commits (position, event_nid, ordinals, request)
SELECT e.position, e.first, e.ordinals, t.request
FROM (
    SELECT position, MIN(event_nid) AS first, MAX(event_nid) - MIN(event_nid) + 1 AS ordinals
    FROM events GROUP BY position, event_nid / 4294967296
) e
LEFT JOIN transactions t ON t.position = e.position AND t.event_nid >= e.first AND t.event_nid < e.first + e.ordinals
ORDER BY e.position, e.first;
DROP INDEX events_position;

-- Requests that made no event, such as to-device messages.
CREATE TABLE transactions_without_event (
    position INTEGER PRIMARY KEY,
    request BLOB NOT NULL
);
INSERT INTO transactions_without_event (position, request)
SELECT position, request FROM transactions WHERE event_nid IS NULL;
DROP TABLE transactions;
ALTER TABLE transactions_without_event RENAME TO transactions;
