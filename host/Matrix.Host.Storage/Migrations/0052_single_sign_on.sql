-- Single sign-on: which account belongs to whom at a provider. issuer and subject are those of the provider's tokens.
CREATE TABLE sso_identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL,
    linked_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject)
) WITHOUT ROWID;
CREATE INDEX sso_identities_user ON sso_identities (user_id);

-- Login tokens and codes that came from a sign-in at a provider, by their hash, so that the device's session is known
-- to be the provider's. session is the provider's id of its own session, empty if it has none.
CREATE TABLE sso_grants (
    hash BLOB NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    session TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sso_grants_expiry ON sso_grants (expires_at);

-- Devices that were logged in by a provider.
CREATE TABLE sso_sessions (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    issuer TEXT NOT NULL,
    session TEXT NOT NULL,
    PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID;
CREATE INDEX sso_sessions_session ON sso_sessions (issuer, session);

-- Policies that users accepted when they registered.
CREATE TABLE accepted_policies (
    user_id TEXT NOT NULL,
    policy TEXT NOT NULL,
    version TEXT NOT NULL,
    accepted_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, policy, version)
) WITHOUT ROWID;

-- Whose device asks: the bound of pending codes of one address. Empty for codes of before.
ALTER TABLE oauth_device_codes ADD COLUMN address TEXT NOT NULL DEFAULT '';
CREATE INDEX oauth_device_codes_address ON oauth_device_codes (address);
