-- The directory in its order: place is minus the number of joined members.
ALTER TABLE published_rooms ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
UPDATE published_rooms SET place = COALESCE(
    (SELECT -r.joined_count FROM rooms r WHERE r.room_nid = published_rooms.room_nid), 0);
CREATE INDEX published_rooms_place ON published_rooms (place, room_nid);

-- Rooms that application services publish in the directories of their networks.
CREATE TABLE network_rooms (
    room_nid INTEGER NOT NULL,
    place INTEGER NOT NULL,
    instance_id TEXT NOT NULL,
    PRIMARY KEY (room_nid, instance_id)
) WITHOUT ROWID;
CREATE INDEX network_rooms_place ON network_rooms (instance_id, place, room_nid);
CREATE INDEX network_rooms_all ON network_rooms (place, room_nid);
