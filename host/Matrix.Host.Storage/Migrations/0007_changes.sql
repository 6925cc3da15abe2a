-- Finds events in commit order, for consumers that read the changes after a position.
CREATE INDEX events_position ON events (position);

-- The position up to which each consumer has processed the changes, for consumers that must not miss one.
CREATE TABLE consumer_positions (
    name TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;
