-- Hangul and symbols, and some scripts without spaces, have other words than before: all events and users are indexed
-- again, while the server runs.
INSERT INTO search_pending (first_nid, last_nid, position)
SELECT room_nid * 4294967296 + 1073741824, room_nid * 4294967296 + 4294967295, 0 FROM rooms WHERE true
ON CONFLICT (first_nid) DO UPDATE SET last_nid = excluded.last_nid;
INSERT INTO directory_pending (user_id, position)
SELECT user_id, 0 FROM directory_users WHERE true ON CONFLICT (user_id) DO NOTHING;
