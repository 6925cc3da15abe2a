-- The latest response with a server's signing keys, as the server signed it, to be passed on. About 600 bytes each.
CREATE TABLE server_key_responses (
    server_name TEXT NOT NULL,
    response BLOB NOT NULL,
    fetched_at INTEGER NOT NULL,
    PRIMARY KEY (server_name)
) WITHOUT ROWID;
