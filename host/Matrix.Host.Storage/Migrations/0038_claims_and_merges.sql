-- A claim finds a device's oldest one-time key without reading its other keys.
CREATE INDEX one_time_keys_order ON one_time_keys (user_id, device_id, algorithm, position, seq);

-- Merges cost indexing half as much, and hold the writer a third as long. A search reads twice as many segments.
INSERT INTO search_words (search_words, rank) VALUES ('automerge', 4); -- SQLite only
