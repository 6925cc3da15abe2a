-- A device's one-time keys are claimed in the order of their upload. Each has a place in it, and the device a place up
-- to which its keys of an algorithm are claimed: a claim changes only that. Claimed keys stay until later uploads
-- forget them, because a repeated upload must not bring them back.
CREATE TABLE placed_keys (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    place INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (user_id, device_id, algorithm, place)
) WITHOUT ROWID;

-- Each device and algorithm that has keys has a row.
CREATE TABLE one_time_key_claims (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL,
    place INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, algorithm)
) WITHOUT ROWID;

-- A claimed key whose id another key has since is forgotten.
DELETE FROM claimed_keys WHERE EXISTS (SELECT 1 FROM one_time_keys k WHERE k.user_id = claimed_keys.user_id
    AND k.device_id = claimed_keys.device_id AND k.algorithm = claimed_keys.algorithm
    AND k.key_id = claimed_keys.key_id);

INSERT INTO placed_keys (user_id, device_id, algorithm, place, key_id, json)
SELECT user_id, device_id, algorithm, ROW_NUMBER() OVER (
        PARTITION BY user_id, device_id, algorithm ORDER BY is_left, position, seq, key_id), key_id, json
FROM (
    SELECT user_id, device_id, algorithm, key_id, 0 AS is_left, position, 0 AS seq, json FROM claimed_keys
    UNION ALL
    SELECT user_id, device_id, algorithm, key_id, 1, position, seq, json FROM one_time_keys) AS keys;

INSERT INTO one_time_key_claims (user_id, device_id, algorithm, place)
SELECT user_id, device_id, algorithm, SUM(is_claimed)
FROM (
    SELECT user_id, device_id, algorithm, 1 AS is_claimed FROM claimed_keys
    UNION ALL
    SELECT user_id, device_id, algorithm, 0 FROM one_time_keys) AS keys
GROUP BY user_id, device_id, algorithm;

DROP TABLE claimed_keys;
DROP TABLE one_time_keys;
ALTER TABLE placed_keys RENAME TO one_time_keys;
CREATE UNIQUE INDEX one_time_keys_ids ON one_time_keys (user_id, device_id, algorithm, key_id);
