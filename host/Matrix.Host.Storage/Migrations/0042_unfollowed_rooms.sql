-- Members of rooms that the last local user left leave the user directory, if they share no other room with one.
INSERT INTO directory_pending_rooms (room_nid, position, after_user)
SELECT r.room_nid, 0, '' FROM rooms r WHERE NOT EXISTS (SELECT 1 FROM memberships m
    WHERE m.room_nid = r.room_nid AND m.is_local = 1 AND m.membership = 1)
ON CONFLICT (room_nid) DO NOTHING;
