-- A claim writes the row of its device anew. Where the page has room for it, PostgreSQL changes no index.
ALTER TABLE one_time_key_claims SET (fillfactor = 50); -- PostgreSQL only
