-- Which node has a shard, with the incarnation under which it took it; an empty name is nobody.
CREATE TABLE shards (
    shard INTEGER PRIMARY KEY,
    node TEXT NOT NULL,
    incarnation INTEGER NOT NULL
);

-- What the last flushes changed, as the consumers of other nodes read it. If rows are lost, these read storage.
CREATE TABLE flushes (
    last INTEGER PRIMARY KEY,
    -- The position of the sequence before the flush.
    after INTEGER NOT NULL,
    node TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    changes BLOB
);
ALTER TABLE flushes SET UNLOGGED; -- PostgreSQL only

-- Takes positions when it is not known how far the sequence is: returns the last one.
CREATE FUNCTION next_positions(number INTEGER, writer VARCHAR, its INTEGER) RETURNS INTEGER -- PostgreSQL only
LANGUAGE plpgsql AS $$ DECLARE taken INTEGER; BEGIN -- PostgreSQL only
    UPDATE sequence SET position = position + number WHERE one = 1 RETURNING position INTO taken; -- PostgreSQL only
    UPDATE nodes SET last_flush = taken WHERE node = writer AND incarnation = its AND alive = 1; -- PostgreSQL only
    IF NOT FOUND THEN RAISE EXCEPTION 'The node is fenced.' USING ERRCODE = 'MX002'; END IF; -- PostgreSQL only
    RETURN taken; -- PostgreSQL only
END $$; -- PostgreSQL only
