-- Invites between users of one other server had a row for the invited user, which nobody reads or deletes.
DELETE FROM unread WHERE EXISTS (SELECT 1 FROM identity WHERE unread.user_id NOT LIKE '%:' || identity.server_name);
