-- The number of the last response of a connection: a node that answers from an older one does not overwrite it.
ALTER TABLE sliding_connections ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
