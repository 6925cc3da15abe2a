-- Whose sign-in granted it, so that a logout by the provider finds what nobody has redeemed yet. Empty for grants of
-- before, which live for minutes.
ALTER TABLE sso_grants ADD COLUMN user_id TEXT NOT NULL DEFAULT '';
CREATE INDEX sso_grants_session ON sso_grants (issuer, session);
CREATE INDEX sso_grants_user ON sso_grants (user_id, issuer);
