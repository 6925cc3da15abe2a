-- Pushers. pusher_id is the position at which the pusher was created: earlier events are not pushed to it. Mail is sent
-- to an address that was confirmed, by a link with the secret.
CREATE TABLE pushers (
    pusher_id INTEGER PRIMARY KEY,
    set_at INTEGER NOT NULL,
    mailed_at INTEGER NOT NULL,
    kind SMALLINT NOT NULL,
    is_confirmed SMALLINT NOT NULL,
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    app_id TEXT NOT NULL,
    pushkey TEXT NOT NULL,
    app_display_name TEXT NOT NULL,
    device_display_name TEXT NOT NULL,
    lang TEXT NOT NULL,
    secret TEXT NOT NULL,
    profile_tag TEXT,
    data BLOB NOT NULL
);
CREATE UNIQUE INDEX pushers_user ON pushers (user_id, app_id, pushkey);
CREATE INDEX pushers_key ON pushers (pushkey, app_id);

-- What pushers have not sent yet: an event, or (event_nid 0) the counts alone.
CREATE TABLE push_owed (
    pusher_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    event_nid INTEGER NOT NULL,
    owed_at INTEGER NOT NULL,
    PRIMARY KEY (pusher_id, position, event_nid)
) WITHOUT ROWID;
