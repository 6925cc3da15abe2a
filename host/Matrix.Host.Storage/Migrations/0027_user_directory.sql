-- Users whom a search of the user directory can find. is_open: everyone finds them; others are found by users who share
-- a room with them.
CREATE TABLE directory_users (
    user_id TEXT NOT NULL PRIMARY KEY,
    display_name TEXT,
    avatar_url TEXT
) WITHOUT ROWID;

CREATE TABLE directory_words (
    word TEXT NOT NULL,
    user_id TEXT NOT NULL,
    is_open SMALLINT NOT NULL,
    is_local SMALLINT NOT NULL,
    PRIMARY KEY (word, user_id)
) WITHOUT ROWID;
CREATE INDEX directory_words_user ON directory_words (user_id, word);

-- Users whose entry may be out of date, since this position.
CREATE TABLE directory_pending (
    user_id TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO directory_pending (user_id, position)
SELECT user_id, 0 FROM memberships WHERE membership = 1
UNION
SELECT user_id, 0 FROM users WHERE deactivated_at IS NULL;
