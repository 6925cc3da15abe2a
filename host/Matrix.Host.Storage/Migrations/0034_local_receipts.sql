-- Pushes read after a start which local receipts moved since a position.
CREATE INDEX receipts_local_position ON receipts (position, user_id) WHERE is_local = 1;
