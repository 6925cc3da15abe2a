-- The room in which a user gets the server's notices.
CREATE TABLE server_notice_rooms (
    room_nid INTEGER NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (user_id)
) WITHOUT ROWID;
