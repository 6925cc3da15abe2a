-- Expands: the statements of earlier versions are the same.
-- PostgreSQL keeps a number of 64 bits in eight bytes, aligned: a room's number is one of 32, and the number of a
-- commit's first event is not needed to find it. SQLite stores numbers by their size, and a table with its key.
DROP INDEX events_by_id; -- PostgreSQL only
CREATE UNIQUE INDEX events_by_id ON events (event_id, CAST(event_nid / 4294967296 AS INT)); -- PostgreSQL only
ALTER TABLE commits DROP CONSTRAINT commits_pkey; -- PostgreSQL only
CREATE INDEX commits_position ON commits (position); -- PostgreSQL only
