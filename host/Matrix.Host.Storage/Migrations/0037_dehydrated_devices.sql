-- The devices that hold messages for users who are logged out (MSC3814), at most one for each user. data is what the
-- user's next device needs to read them, encrypted by the client.
CREATE TABLE dehydrated_devices (
    user_id TEXT NOT NULL,
    device_id TEXT NOT NULL,
    data BLOB NOT NULL,
    PRIMARY KEY (user_id)
);
