-- Files whose last URI was deleted, until they are deleted too. A server that stops in between finds them here.
CREATE TABLE dropped_files (
    file_hash TEXT NOT NULL,
    PRIMARY KEY (file_hash)
) WITHOUT ROWID;
