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

-- Local users who were not offline when the server stopped. state is that of PresenceState.
CREATE TABLE presence_at_stop (
    user_id TEXT NOT NULL,
    state SMALLINT NOT NULL,
    last_active INTEGER NOT NULL,
    PRIMARY KEY (user_id)
);
