-- Rows of names and topics have one more word, so that a search in these does not read the hits in messages.
INSERT INTO search_words (search_words, rowid, tokens) -- SQLite only
    SELECT 'delete', -event_nid, tokens FROM search_events WHERE kind <> 0; -- SQLite only
UPDATE search_events SET tokens = tokens || ' ' || char(57344) WHERE kind <> 0; -- SQLite only
INSERT INTO search_words (rowid, tokens) -- SQLite only
    SELECT -event_nid, tokens FROM search_events WHERE kind <> 0; -- SQLite only
UPDATE search_events SET tokens = array_to_tsvector(tsvector_to_array(tokens) || chr(57344)) -- PostgreSQL only
    WHERE kind <> 0; -- PostgreSQL only
