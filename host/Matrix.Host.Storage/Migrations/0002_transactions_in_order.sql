-- Transaction ids in the order in which they were used, one a set: a row at the end instead of one in the middle. They are looked up in memory.
CREATE TABLE transactions_in_order (
    position INTEGER PRIMARY KEY,
    event_nid INTEGER,
    request BLOB NOT NULL
);
INSERT INTO transactions_in_order (position, event_nid, request)
SELECT e.position, t.event_nid, t.request FROM transactions t JOIN events e ON e.event_nid = t.event_nid;
DROP TABLE transactions;
ALTER TABLE transactions_in_order RENAME TO transactions;
