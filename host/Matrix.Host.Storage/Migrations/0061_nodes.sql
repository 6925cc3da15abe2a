-- The machines that may serve from one PostgreSQL database, of which one does. Each start of a node draws an
-- incarnation. A node that is not alive, or of another incarnation, is fenced: it writes nothing.
CREATE TABLE nodes (
    node TEXT PRIMARY KEY,
    incarnation INTEGER NOT NULL,
    alive SMALLINT NOT NULL,
    -- The last position that it took.
    last_flush INTEGER NOT NULL,
    -- Counts while the node has nothing to write, so that others see that it lives.
    heartbeat INTEGER NOT NULL,
    started_at INTEGER NOT NULL
);

-- What every transaction of a node does first: it takes its positions, and proves that it may write.
CREATE PROCEDURE take_positions(expected INTEGER, last INTEGER, writer VARCHAR, its INTEGER) -- PostgreSQL only
LANGUAGE plpgsql AS $$ BEGIN -- PostgreSQL only
    UPDATE sequence SET position = last WHERE one = 1 AND position = expected; -- PostgreSQL only
    IF NOT FOUND THEN RAISE EXCEPTION 'The sequence has moved.' USING ERRCODE = 'MX001'; END IF; -- PostgreSQL only
    UPDATE nodes SET last_flush = last -- PostgreSQL only
    WHERE node = writer AND incarnation = its AND alive = 1; -- PostgreSQL only
    IF NOT FOUND THEN RAISE EXCEPTION 'The node is fenced.' USING ERRCODE = 'MX002'; END IF; -- PostgreSQL only
END $$; -- PostgreSQL only
