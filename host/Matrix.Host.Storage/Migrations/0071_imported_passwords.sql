-- Expands: an index changes no row.
-- The passwords that came from Synapse ($synapse$2b$12$…) and were not used yet, by the cost of their hashes.
CREATE INDEX users_imported ON users (SUBSTR(password_hash, 13, 2)) WHERE SUBSTR(password_hash, 2, 7) = 'synapse';
