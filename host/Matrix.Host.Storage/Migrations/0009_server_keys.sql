-- Signing keys of other servers, about 150 bytes each. A server's rows are replaced by each fetch.
CREATE TABLE server_keys (
    server_name TEXT NOT NULL,
    key_id TEXT NOT NULL,
    public_key BLOB NOT NULL,
    valid_until INTEGER NOT NULL,
    expired_at INTEGER,
    fetched_at INTEGER NOT NULL,
    PRIMARY KEY (server_name, key_id)
) WITHOUT ROWID;
