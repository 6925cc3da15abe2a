-- Rooms that a user of this server knows only by an invite or knock, or knew so until it ended.
CREATE TABLE stripped_rooms (
    position INTEGER NOT NULL,
    membership SMALLINT NOT NULL,
    user_id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    room_version TEXT NOT NULL,
    server TEXT NOT NULL,
    sender TEXT NOT NULL,
    event_id BLOB NOT NULL,
    event BLOB NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (user_id, room_id)
) WITHOUT ROWID;
