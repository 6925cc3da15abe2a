-- Expands: only a copy and the start after it read this table.
-- The copy that this database is, of another one: at most one row. It is not served before it has ended.
CREATE TABLE copies (
    one INTEGER PRIMARY KEY,
    -- The server and the position that were copied: a copy goes on with the same only.
    source TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER
);
