-- The bytes that each user stores, by StoredKind, so that a bound costs one look-up and not a sum.
CREATE TABLE stored_bytes (
    user_id TEXT NOT NULL,
    kind SMALLINT NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (user_id, kind)
) WITHOUT ROWID;
INSERT INTO stored_bytes (user_id, kind, bytes)
SELECT user_id, 1, SUM(length(content) + 200) FROM account_data GROUP BY user_id;
INSERT INTO stored_bytes (user_id, kind, bytes)
SELECT user_id, 2, SUM(length(json) + 200) FROM filters GROUP BY user_id;
INSERT INTO stored_bytes (user_id, kind, bytes)
SELECT user_id, 3, SUM(bytes) FROM (
    SELECT user_id, length(json) + 200 AS bytes FROM device_keys
    UNION ALL SELECT user_id, length(json) + 200 FROM one_time_keys
    UNION ALL SELECT user_id, length(json) + 200 FROM fallback_keys) AS device_keys GROUP BY user_id;

-- The session keys of each backup, and their bytes. A key that takes the place of another has that one's bytes in
-- `replaced`.
ALTER TABLE backup_versions ADD COLUMN key_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE backup_versions ADD COLUMN key_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE backup_keys ADD COLUMN replaced INTEGER;
UPDATE backup_versions SET
    key_count = (SELECT COUNT(*) FROM backup_keys k
        WHERE k.user_id = backup_versions.user_id AND k.version = backup_versions.version),
    key_bytes = (SELECT COALESCE(SUM(length(k.session_data)), 0) FROM backup_keys k
        WHERE k.user_id = backup_versions.user_id AND k.version = backup_versions.version);
DELETE FROM backup_versions WHERE deleted = 1 AND version < (SELECT MAX(v.version) FROM backup_versions v
    WHERE v.user_id = backup_versions.user_id);

-- What one user has made is counted up to its bound.
CREATE INDEX key_signatures_signer ON key_signatures (signer);
CREATE INDEX aliases_creator ON aliases (creator);
CREATE INDEX rooms_creator ON rooms (creator);
