-- Why the last attempt to reach a server failed.
ALTER TABLE destinations ADD COLUMN last_failure TEXT NOT NULL DEFAULT '';
