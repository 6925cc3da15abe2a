-- What was redacted since, for those who had counted it as unread. Only redacted events are in it.
CREATE INDEX events_redacted ON events (redacted_by) WHERE redacted_by IS NOT NULL;
