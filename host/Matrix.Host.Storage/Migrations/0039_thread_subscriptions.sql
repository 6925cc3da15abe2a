-- The threads to which local users are subscribed (MSC4306), by their root. state is 2 for a subscription that the user
-- made, 1 for one that a client made, 0 for one that ended. The position is that of the last change.
CREATE TABLE thread_subscriptions (
    room_nid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    state SMALLINT NOT NULL,
    root_id BLOB NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (room_nid, root_id, user_id)
) WITHOUT ROWID;
CREATE INDEX thread_subscriptions_user ON thread_subscriptions (user_id, position);
