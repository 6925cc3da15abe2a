-- The events with some words. PostgreSQL reads an inverted index as a bitmap only, which the server's settings rule out
-- for all other queries: without it, each search reads the whole table.
CREATE FUNCTION search_find (sought text, kinds bigint, through_ts bigint, most bigint) -- PostgreSQL only
    RETURNS SETOF search_events LANGUAGE sql STABLE SET enable_bitmapscan = on AS -- PostgreSQL only
    'SELECT * FROM search_events WHERE tokens @@ CAST(sought AS tsquery) -- PostgreSQL only
        AND (1 << kind) & kinds <> 0 AND ts <= through_ts LIMIT most'; -- PostgreSQL only
