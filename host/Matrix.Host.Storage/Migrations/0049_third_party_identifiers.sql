-- Mail addresses and phone numbers of accounts: one belongs to at most one account. language is that of messages to it.
CREATE TABLE third_party_ids (
    medium TEXT NOT NULL,
    address TEXT NOT NULL,
    user_id TEXT NOT NULL,
    language TEXT NOT NULL,
    validated_at INTEGER NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (medium, address)
) WITHOUT ROWID;
CREATE INDEX third_party_ids_of_user ON third_party_ids (user_id);

-- Identity servers at which a user's identifiers were bound through this server.
CREATE TABLE third_party_bindings (
    user_id TEXT NOT NULL,
    medium TEXT NOT NULL,
    address TEXT NOT NULL,
    id_server TEXT NOT NULL,
    PRIMARY KEY (user_id, medium, address, id_server)
) WITHOUT ROWID;

-- Proofs that somebody has an address. secret is the hash of the client's secret, token that of what was sent to the
-- address; it is null if nothing confirms the session. used_for is that of ValidationPurpose, guesses counts tries.
CREATE TABLE validation_sessions (
    session_id TEXT NOT NULL PRIMARY KEY,
    used_for SMALLINT NOT NULL,
    medium TEXT NOT NULL,
    address TEXT NOT NULL,
    secret BLOB NOT NULL,
    send_attempt INTEGER NOT NULL,
    token BLOB,
    guesses INT NOT NULL,
    language TEXT NOT NULL,
    next_link TEXT,
    expires_at INTEGER NOT NULL,
    validated_at INTEGER,
    UNIQUE (used_for, medium, address, secret)
) WITHOUT ROWID;
CREATE INDEX validation_sessions_end ON validation_sessions (expires_at);
