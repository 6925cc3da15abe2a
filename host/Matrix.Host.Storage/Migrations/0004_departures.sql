-- Deactivated users who are still to leave their rooms: a job that survives a restart.
CREATE TABLE departures (
    user_id TEXT NOT NULL PRIMARY KEY,
    since INTEGER NOT NULL
) WITHOUT ROWID;
-- Users who were deactivated earlier and did not leave every room (memberships 1 to 3: joined, invited, knocking).
INSERT INTO departures (user_id, since)
SELECT u.user_id, u.deactivated_at FROM users u
WHERE u.deactivated_at IS NOT NULL
    AND EXISTS (
        SELECT 1 FROM memberships m WHERE m.user_id = u.user_id AND m.is_local = 1 AND m.membership BETWEEN 1 AND 3);
