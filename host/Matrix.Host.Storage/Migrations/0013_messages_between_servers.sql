-- Messages to devices of other servers' users, until the server has taken them: EDUs as they are sent.
CREATE TABLE outbound_messages (
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    size INTEGER NOT NULL,
    server_name TEXT NOT NULL,
    sender TEXT NOT NULL,
    json BLOB NOT NULL,
    PRIMARY KEY (server_name, position, seq)
);
CREATE INDEX outbound_messages_of_server ON outbound_messages (server_name, size);
CREATE INDEX outbound_messages_of_sender ON outbound_messages (sender, size);

-- The ids of messages to devices that other servers sent last. A message that comes again is not delivered again.
CREATE TABLE received_messages (
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    origin TEXT NOT NULL,
    message_id TEXT NOT NULL,
    PRIMARY KEY (origin, message_id)
) WITHOUT ROWID;
CREATE INDEX received_messages_in_order ON received_messages (origin, position, seq);
