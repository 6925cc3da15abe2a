-- What each application service has got, and the transaction that is sent to it now.
CREATE TABLE app_services (
    position INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    device_position INTEGER NOT NULL,
    transaction_id INTEGER NOT NULL,
    service_id TEXT NOT NULL PRIMARY KEY,
    body BLOB,
    delivers BLOB
);
CREATE INDEX stripped_rooms_position ON stripped_rooms (position);
CREATE INDEX users_of_people ON users (user_id) WHERE kind <> 2;
