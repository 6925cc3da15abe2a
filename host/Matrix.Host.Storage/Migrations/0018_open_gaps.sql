-- The open gaps of a room by place: a page of a timeline asks for those that it has.
CREATE INDEX followers_gaps ON followers (room_nid, event_nid) WHERE is_gap = 1;
