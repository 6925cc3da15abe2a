-- Whether an administrator locked or suspended an account.
ALTER TABLE users ADD COLUMN locked SMALLINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN suspended SMALLINT NOT NULL DEFAULT 0;

-- What the client of a device called itself when it was last seen.
ALTER TABLE devices ADD COLUMN last_user_agent TEXT;

-- A guest is not the first user. Guests are counted, and looked through when some are unused.
DROP INDEX users_of_people;
CREATE INDEX users_of_people ON users (user_id) WHERE kind = 0;
CREATE INDEX active_guests ON users (created_at) WHERE kind = 1 AND deactivated_at IS NULL;

-- Rooms whose `m.room.guest_access` changed, since this position: if guests may not be there, they have to leave.
CREATE TABLE guest_access_changes (
    room_nid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (room_nid)
);
