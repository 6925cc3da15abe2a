-- Expands: only an import fills it, and versions before this have none.
-- When the session of a refresh token ends, however often it is refreshed: the tokens that follow end then too. NULL
-- for never. Milliseconds since the epoch.
ALTER TABLE tokens ADD COLUMN session_ends_at INTEGER;
