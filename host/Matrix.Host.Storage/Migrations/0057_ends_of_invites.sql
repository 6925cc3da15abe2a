-- When an invite or knock ended without an event, in milliseconds: clients are sent a leave of that time.
ALTER TABLE stripped_rooms ADD COLUMN ended_at INTEGER NOT NULL DEFAULT 0;
