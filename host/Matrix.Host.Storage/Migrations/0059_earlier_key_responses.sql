-- Responses with a server's signing keys, as the server signed them, to be passed on: at place 0 the latest, then
-- earlier ones that have keys which those before lack. About 600 bytes each.
CREATE TABLE placed_key_responses (
    server_name TEXT NOT NULL,
    place INTEGER NOT NULL,
    response BLOB NOT NULL,
    fetched_at INTEGER NOT NULL,
    PRIMARY KEY (server_name, place)
) WITHOUT ROWID;
INSERT INTO placed_key_responses (server_name, place, response, fetched_at)
    SELECT server_name, 0, response, fetched_at FROM server_key_responses;
DROP TABLE server_key_responses;
ALTER TABLE placed_key_responses RENAME TO server_key_responses;
