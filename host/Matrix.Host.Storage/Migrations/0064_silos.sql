-- Which nodes of a cluster are alive, as they agree by Orleans' protocol. Times are milliseconds of the database's
-- clock, because the clocks of nodes differ. Nothing relies on these rows for what is written: `nodes` says who may.
CREATE TABLE silos (
    -- Where others reach the node. When an address is used again, the generation is greater.
    address TEXT NOT NULL,
    port INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    node TEXT NOT NULL,
    incarnation INTEGER NOT NULL,
    host TEXT NOT NULL,
    status SMALLINT NOT NULL,
    -- Whether it should have shards: 0 not yet, 1 it is ready, 2 it leaves.
    readiness SMALLINT NOT NULL,
    -- Who voted that it is dead, and when.
    votes TEXT NOT NULL,
    -- The version of the table that the last conditional change made.
    version INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    alive_at INTEGER NOT NULL,
    PRIMARY KEY (address, port, generation)
) WITHOUT ROWID;

-- The version of that table: a change of it names the version that it read.
CREATE TABLE silo_version (
    one INTEGER PRIMARY KEY,
    version INTEGER NOT NULL
);
