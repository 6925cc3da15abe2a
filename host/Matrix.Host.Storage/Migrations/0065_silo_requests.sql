-- Where a node takes requests that others forward: an address and port; empty if it does not say yet.
ALTER TABLE silos ADD COLUMN requests TEXT NOT NULL DEFAULT '';
