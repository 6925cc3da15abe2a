-- Whether the user forgot an invite or knock of another server after its end. The row stays: other devices may not have
-- heard of the end.
ALTER TABLE stripped_rooms ADD COLUMN forgotten SMALLINT NOT NULL DEFAULT 0;

-- Rooms whose members' entries in the user directory may be out of date, since this position. after_user is the last
-- member who was noted.
CREATE TABLE directory_pending_rooms (
    room_nid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    after_user TEXT NOT NULL,
    PRIMARY KEY (room_nid)
);
