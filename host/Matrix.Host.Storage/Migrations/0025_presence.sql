-- The message that a local user attached to their presence. Users without one have no row.
CREATE TABLE presence_statuses (
    user_id TEXT NOT NULL PRIMARY KEY,
    status_msg TEXT NOT NULL
) WITHOUT ROWID;
