-- The account that the address of a session can be added to; NULL while nobody has said which.
ALTER TABLE validation_sessions ADD COLUMN user_id TEXT;
