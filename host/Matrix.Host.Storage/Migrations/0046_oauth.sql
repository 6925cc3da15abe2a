-- OAuth 2.0: registered clients, by a hash of their metadata. used_at is the last registration.
CREATE TABLE oauth_clients (
    client_id TEXT NOT NULL PRIMARY KEY,
    used_at INTEGER NOT NULL,
    metadata BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX oauth_clients_used ON oauth_clients (used_at);

-- Authorization codes that were not exchanged yet.
CREATE TABLE oauth_codes (
    hash BLOB NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    client_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    challenge TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX oauth_codes_user ON oauth_codes (user_id);

-- Device codes that were not exchanged yet. decision is 0 while the user has not decided, 1 for yes, 2 for no.
CREATE TABLE oauth_device_codes (
    hash BLOB NOT NULL PRIMARY KEY,
    user_code BLOB NOT NULL UNIQUE,
    expires_at INTEGER NOT NULL,
    decision SMALLINT NOT NULL,
    client_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    scope TEXT NOT NULL,
    user_id TEXT
) WITHOUT ROWID;
CREATE INDEX oauth_device_codes_user ON oauth_device_codes (user_id);

-- The devices that a client logged in by OAuth. session is the hash of what all refresh tokens of the session begin
-- with, made_by that of the code that it came from.
CREATE TABLE oauth_sessions (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    session BLOB NOT NULL UNIQUE,
    made_by BLOB NOT NULL UNIQUE,
    scope TEXT NOT NULL,
    PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID;
CREATE INDEX oauth_sessions_client ON oauth_sessions (client_id);

-- A client is deleted only if nothing names it.
CREATE INDEX oauth_codes_of_client ON oauth_codes (client_id);
CREATE INDEX oauth_device_codes_of_client ON oauth_device_codes (client_id);
