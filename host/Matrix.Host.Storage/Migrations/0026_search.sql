-- The words of searchable events. An event that was edited has the words of its latest edit, text_nid.
CREATE TABLE search_events (
    event_nid INTEGER PRIMARY KEY,
    text_nid INTEGER NOT NULL,
    ts INTEGER NOT NULL,
    words INT NOT NULL,
    kind SMALLINT NOT NULL,
    tokens TEXT NOT NULL -- SQLite only
    tokens TSVECTOR NOT NULL -- PostgreSQL only
);
CREATE INDEX search_events_text ON search_events (text_nid) WHERE text_nid <> event_nid;
CREATE INDEX search_events_tokens ON search_events USING gin (tokens); -- PostgreSQL only

-- The index, which has no text of its own. The tokenizer divides at ASCII characters that no word contains. The numbers
-- are negative, so that the newest events come first: FTS5 reads forward much faster than backward.
CREATE VIRTUAL TABLE search_words USING fts5 ( -- SQLite only
    tokens, content='', tokenize='ascii', detail='none', columnsize=0); -- SQLite only
INSERT INTO search_words (search_words, rank) VALUES ('automerge', 2); -- SQLite only
CREATE TRIGGER search_events_inserted AFTER INSERT ON search_events BEGIN -- SQLite only
    INSERT INTO search_words (rowid, tokens) VALUES (-new.event_nid, new.tokens); END; -- SQLite only
CREATE TRIGGER search_events_deleted AFTER DELETE ON search_events BEGIN -- SQLite only
    INSERT INTO search_words (search_words, rowid, tokens) VALUES ('delete', -old.event_nid, old.tokens); -- SQLite only
END; -- SQLite only

-- Ranges of events to be indexed that the indexer does not find by its position: those stored before there was an
-- index, fetched history, and events whose edit was redacted.
CREATE TABLE search_pending (
    first_nid INTEGER PRIMARY KEY,
    last_nid INTEGER NOT NULL,
    position INTEGER NOT NULL
);
INSERT INTO search_pending (first_nid, last_nid, position)
SELECT room_nid * 4294967296 + 1073741824, room_nid * 4294967296 + 4294967295, 0 FROM rooms;
INSERT INTO consumer_positions (name, position) SELECT 'search', position FROM sequence WHERE one = 1;
