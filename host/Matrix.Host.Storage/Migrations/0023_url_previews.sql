-- Previews of pages: a row for each time that a page was read. media_id is the image, among this server's media.
CREATE TABLE url_previews (
    fetched_at INTEGER NOT NULL,
    image_bytes INTEGER NOT NULL,
    url TEXT NOT NULL,
    body BLOB NOT NULL,
    media_id TEXT,
    PRIMARY KEY (url, fetched_at)
) WITHOUT ROWID;
CREATE INDEX url_previews_age ON url_previews (fetched_at);
