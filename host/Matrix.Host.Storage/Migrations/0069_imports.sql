-- Expands: only an import and the first start after it write these tables.
-- The import from another server's database: at most one row, of a database that began with it.
CREATE TABLE imports (
    one INTEGER PRIMARY KEY,
    -- Software and schema of the source, such as "synapse 94".
    source TEXT NOT NULL,
    -- Digest of which source it was and what was chosen: an import is resumed only with the same.
    fingerprint TEXT NOT NULL,
    -- The last position that is kept for rows of the source. Below it, positions are the source's own numbers.
    start_after INTEGER NOT NULL,
    began_at INTEGER NOT NULL,
    ended_at INTEGER,
    -- A rehearsal is never served.
    rehearsal SMALLINT NOT NULL,
    without_history SMALLINT NOT NULL,
    -- The greatest numbers of the source's streams, as JSON: the first start compares them with the source.
    numbers TEXT NOT NULL
);

-- How far each part of the import has come, and what it counted so far, as JSON.
CREATE TABLE import_progress (
    part TEXT NOT NULL PRIMARY KEY,
    reached TEXT,
    ended SMALLINT NOT NULL,
    counts TEXT NOT NULL
) WITHOUT ROWID;

-- What was left out, and why.
CREATE TABLE import_findings (
    part TEXT NOT NULL,
    seq INTEGER NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (part, seq)
) WITHOUT ROWID;
