-- Whom users of the oldest clients wish to follow: the presence list of the 2014 Client-Server API.
CREATE TABLE presence_lists (
    user_id TEXT NOT NULL,
    listed TEXT NOT NULL,
    PRIMARY KEY (user_id, listed)
) WITHOUT ROWID;
