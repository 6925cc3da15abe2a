-- Expands: only an import writes the table. A node of the version before lets the servers fetch lists.
-- What servers were sent of users' changes of devices before an import: the id of the last one, which the next one
-- names, and the id up to which they have got all changes.
CREATE TABLE imported_device_lists (
    last_id INTEGER NOT NULL,
    through_id INTEGER NOT NULL,
    server_name TEXT NOT NULL,
    user_id TEXT NOT NULL,
    PRIMARY KEY (server_name, user_id)
) WITHOUT ROWID;
