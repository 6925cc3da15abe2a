-- Requests with a transaction id in commit order, one for each batch: each row is appended at the end of the table. The
-- server looks requests up in memory.
CREATE TABLE transactions_in_order (
    position INTEGER PRIMARY KEY,
    event_nid INTEGER,
    request BLOB NOT NULL
);
INSERT INTO transactions_in_order (position, event_nid, request)
SELECT e.position, t.event_nid, t.request FROM transactions t JOIN events e ON e.event_nid = t.event_nid;
DROP TABLE transactions;
ALTER TABLE transactions_in_order RENAME TO transactions;
