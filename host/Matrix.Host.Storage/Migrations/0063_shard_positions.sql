-- Up to where a start of a node has handled the changes for its shards, by consumer.
CREATE TABLE node_positions (
    name TEXT NOT NULL,
    node TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (name, node, incarnation)
);

-- The same of a shard that changed hands, until its new owner has handled as much of it as of its other shards.
CREATE TABLE shard_positions (
    name TEXT NOT NULL,
    shard INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (name, shard)
);

-- Nodes had the positions of the whole server.
INSERT INTO node_positions (name, node, incarnation, position)
SELECT DISTINCT c.name, s.node, s.incarnation, c.position FROM consumer_positions c, shards s
WHERE c.name IN ('federation', 'push') AND s.node <> '';
