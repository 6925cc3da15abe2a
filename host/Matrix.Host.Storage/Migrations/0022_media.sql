-- Media: a row for each mxc URI, of this server and of others. file_hash is the SHA-256 of the content in hexadecimal.
-- A URI that was created without content has none until the content is uploaded, and expires.
CREATE TABLE media (
    created_at INTEGER NOT NULL,
    accessed_at INTEGER NOT NULL,
    expires_at INTEGER,
    size INTEGER NOT NULL,
    origin TEXT NOT NULL,
    media_id TEXT NOT NULL,
    file_hash TEXT,
    content_type TEXT NOT NULL,
    file_name TEXT,
    uploader TEXT,
    PRIMARY KEY (origin, media_id)
) WITHOUT ROWID;
CREATE INDEX media_file ON media (file_hash) WHERE file_hash IS NOT NULL;
CREATE INDEX media_uploader ON media (uploader, size) WHERE uploader IS NOT NULL;
CREATE INDEX media_pending ON media (uploader, expires_at) WHERE file_hash IS NULL;
CREATE INDEX media_expiry ON media (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX media_access ON media (accessed_at);

-- Files that are not served, whatever URI has them now or later.
CREATE TABLE quarantined_files (
    quarantined_at INTEGER NOT NULL,
    file_hash TEXT NOT NULL,
    quarantined_by TEXT NOT NULL,
    PRIMARY KEY (file_hash)
) WITHOUT ROWID;
