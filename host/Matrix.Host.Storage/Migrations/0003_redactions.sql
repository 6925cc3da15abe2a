-- Finds the events that a redaction redacted, to adjust unread counts. Contains redacted events only.
CREATE INDEX events_redacted ON events (redacted_by) WHERE redacted_by IS NOT NULL;
