-- Work of the server that goes on in the background and that a restart continues, and what became of it. state is that
-- of JobState; input is what was asked for, progress what the job needs to continue, each as JSON.
CREATE TABLE jobs (
    job_id TEXT NOT NULL PRIMARY KEY,
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    done INTEGER NOT NULL,
    total INTEGER NOT NULL,
    state SMALLINT NOT NULL,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    who TEXT NOT NULL,
    error TEXT NOT NULL,
    input BLOB NOT NULL,
    progress BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX jobs_state ON jobs (state, created_at);

-- The table sequence has a second row once a room was deleted, the greatest number of such a room: numbers are not used
-- again. The server reads it when it opens a database, also one of an older schema, and so it is in a table of all.

-- The limits of users that administrators set instead of the configured ones; 0 for no limit.
CREATE TABLE rate_limits (
    user_id TEXT NOT NULL PRIMARY KEY,
    per_second INTEGER NOT NULL,
    burst INTEGER NOT NULL
) WITHOUT ROWID;

-- Media that is not put in quarantine with other media of its user or room.
ALTER TABLE media ADD COLUMN protected SMALLINT NOT NULL DEFAULT 0;

-- Entries are counted for each administrator, so that one cannot push out those of others.
ALTER TABLE audit_log ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
UPDATE audit_log SET number = entry_id;
CREATE INDEX audit_log_who ON audit_log (who, number);

-- The administrator who acts as the user by a token.
ALTER TABLE tokens ADD COLUMN issued_by TEXT;
CREATE INDEX tokens_issued_by ON tokens (issued_by) WHERE issued_by IS NOT NULL;
