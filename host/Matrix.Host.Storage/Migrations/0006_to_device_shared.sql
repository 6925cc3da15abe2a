-- A message to all devices of a user is stored once, until the last device has received it; its rows in the inboxes
-- have no JSON of their own. Each row has the message's sender and size, for the sender's share of the inbox. Messages
-- stored before this migration count to no sender.
CREATE TABLE to_device_inboxes (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sender TEXT NOT NULL,
    json BLOB,
    PRIMARY KEY (user_id, device_id, position, seq)
);
INSERT INTO to_device_inboxes (user_id, device_id, position, seq, size, sender, json)
SELECT user_id, device_id, position, seq, length(json), '', json FROM to_device;
DROP TABLE to_device;
ALTER TABLE to_device_inboxes RENAME TO to_device;
CREATE INDEX to_device_sender ON to_device (user_id, sender, device_id, size);

CREATE TABLE to_device_shared (
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    copies INTEGER NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (position, seq)
);
