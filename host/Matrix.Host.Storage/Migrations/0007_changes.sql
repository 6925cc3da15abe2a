-- Events in the order in which they became durable, for consumers that read changes from a position on.
CREATE INDEX events_position ON events (position);

-- How far each consumer of changes has come that must not miss one.
CREATE TABLE consumer_positions (
    name TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;
