-- Events that clients scheduled (MSC4140), until they are sent or cancelled. since is when the delay last began;
-- request is the hash of the key of the request that scheduled it, if it had a transaction id.
CREATE TABLE delayed_events (
    since INTEGER NOT NULL,
    delay INTEGER NOT NULL,
    origin_server_ts INTEGER,
    delay_id TEXT NOT NULL,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    room_id TEXT NOT NULL,
    type TEXT NOT NULL,
    state_key TEXT,
    request BLOB,
    content BLOB NOT NULL,
    PRIMARY KEY (delay_id)
);
CREATE INDEX delayed_events_user ON delayed_events (user_id);
