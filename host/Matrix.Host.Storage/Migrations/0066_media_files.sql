-- The name of the file of a content, which no file had before: its hash, and what was drawn. Earlier files are named by
-- the hash alone, and have none here.
ALTER TABLE media ADD COLUMN stored_as TEXT;
ALTER TABLE dropped_files RENAME COLUMN file_hash TO file;

-- The folder of media that the nodes of a cluster share: the id that it carries, and whether one of them has written it
-- there.
CREATE TABLE media_folder (
    one INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    marked SMALLINT NOT NULL
);
