-- What the last start of a node needs of the others: nodes serve together only if it fits.
CREATE TABLE node_terms (
    node TEXT PRIMARY KEY,
    incarnation INTEGER NOT NULL,
    -- The version of the software.
    version TEXT NOT NULL,
    -- How many migrations it knows, and how many the others have to know at least.
    oldest_schema INTEGER NOT NULL,
    newest_schema INTEGER NOT NULL,
    -- The formats of what nodes write for each other that it reads, and the one that it writes.
    oldest_wire INTEGER NOT NULL,
    newest_wire INTEGER NOT NULL,
    written_wire INTEGER NOT NULL,
    -- Digests of its settings, one a line.
    settings TEXT NOT NULL
);

-- How far the clock of a node is ahead of the database's, in milliseconds; null if it does not say yet.
ALTER TABLE silos ADD COLUMN clock INTEGER;

-- Whether servers that do not know a migration can go on serving with it.
ALTER TABLE migrations ADD COLUMN expands SMALLINT NOT NULL DEFAULT 0;
