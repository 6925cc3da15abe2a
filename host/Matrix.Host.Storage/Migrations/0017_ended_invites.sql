-- The invite or knock that ended: it is not opened again when it is repeated.
ALTER TABLE stripped_rooms ADD COLUMN ended_id BLOB;
UPDATE stripped_rooms SET ended_id = event_id WHERE membership = 4;
