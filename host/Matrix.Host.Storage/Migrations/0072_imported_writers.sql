-- Expands: only an import writes this table.
-- Which process of the source wrote the events of a room, from a position on: a token of such a source says of each
-- process how far the client has its events.
CREATE TABLE imported_writers (
    room_nid INTEGER NOT NULL,
    position INTEGER NOT NULL,
    writer INT NOT NULL,
    PRIMARY KEY (room_nid, position)
) WITHOUT ROWID;
