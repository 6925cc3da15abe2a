-- The login or registration that a token comes from: the position at which it was written. Tokens that are refreshed
-- keep it. 0 for tokens of before, whose devices have one session each.
ALTER TABLE tokens ADD COLUMN session INTEGER NOT NULL DEFAULT 0;

-- Whether an application service logged the device in. NULL for tokens of before: nobody knows.
ALTER TABLE tokens ADD COLUMN by_service SMALLINT;
