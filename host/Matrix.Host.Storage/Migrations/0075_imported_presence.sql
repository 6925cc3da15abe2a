-- Expands: only an import fills them, and versions before this have none.
-- Whether a user was shown as active, and where among the source's changes of presence that is.
ALTER TABLE presence_at_stop ADD COLUMN active INTEGER NOT NULL DEFAULT 0;
ALTER TABLE presence_at_stop ADD COLUMN imported_at INTEGER NOT NULL DEFAULT 0;
