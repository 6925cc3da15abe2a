namespace Matrix.Import.Tests.Rooms;

/// <summary>The tables of rooms, with the columns that the import reads.</summary>
internal static class SynapseTables
{
    public static IReadOnlyList<string> OfRooms { get; } =
    [
        """
        CREATE TABLE rooms (room_id TEXT NOT NULL PRIMARY KEY, is_public BOOLEAN, creator TEXT, room_version TEXT);
        CREATE TABLE event_json (
            event_id TEXT NOT NULL UNIQUE, room_id TEXT NOT NULL, internal_metadata TEXT NOT NULL, json TEXT NOT NULL,
            format_version INTEGER);
        CREATE TABLE event_edges (event_id TEXT NOT NULL, prev_event_id TEXT NOT NULL);
        CREATE TABLE event_auth (event_id TEXT NOT NULL, auth_id TEXT NOT NULL, room_id TEXT NOT NULL);
        CREATE TABLE event_to_state_groups (event_id TEXT NOT NULL UNIQUE, state_group BIGINT NOT NULL);
        CREATE TABLE state_groups (id BIGINT NOT NULL PRIMARY KEY, room_id TEXT NOT NULL, event_id TEXT NOT NULL);
        CREATE TABLE state_group_edges (state_group BIGINT NOT NULL, prev_state_group BIGINT NOT NULL);
        CREATE TABLE current_state_events (
            event_id TEXT NOT NULL, room_id TEXT NOT NULL, type TEXT NOT NULL, state_key TEXT NOT NULL,
            membership TEXT, event_stream_ordering BIGINT);
        CREATE TABLE current_state_delta_stream (
            stream_id BIGINT NOT NULL, room_id TEXT NOT NULL, type TEXT NOT NULL, state_key TEXT NOT NULL,
            event_id TEXT, prev_event_id TEXT, instance_name TEXT);
        CREATE TABLE room_memberships (
            event_id TEXT NOT NULL, user_id TEXT NOT NULL, sender TEXT NOT NULL, room_id TEXT NOT NULL,
            membership TEXT NOT NULL, forgotten INTEGER DEFAULT 0, event_stream_ordering BIGINT);
        CREATE TABLE local_current_membership (
            room_id TEXT NOT NULL, user_id TEXT NOT NULL, event_id TEXT NOT NULL, membership TEXT NOT NULL,
            event_stream_ordering BIGINT);
        CREATE TABLE event_forward_extremities (event_id TEXT NOT NULL, room_id TEXT NOT NULL);
        CREATE TABLE event_backward_extremities (event_id TEXT NOT NULL, room_id TEXT NOT NULL);
        CREATE TABLE rejections (event_id TEXT NOT NULL, reason TEXT NOT NULL, last_check TEXT NOT NULL);
        CREATE TABLE redactions (
            event_id TEXT NOT NULL, redacts TEXT NOT NULL, have_censored BOOLEAN NOT NULL DEFAULT FALSE);
        CREATE TABLE event_txn_id_device_id (
            event_id TEXT NOT NULL, room_id TEXT NOT NULL, user_id TEXT NOT NULL, device_id TEXT NOT NULL,
            txn_id TEXT NOT NULL, inserted_ts BIGINT NOT NULL);
        CREATE TABLE partial_state_rooms (room_id TEXT NOT NULL);
        CREATE TABLE federation_inbound_events_staging (
            origin TEXT NOT NULL, room_id TEXT NOT NULL, event_id TEXT NOT NULL, received_ts BIGINT NOT NULL,
            event_json TEXT NOT NULL, internal_metadata TEXT NOT NULL);
        CREATE UNIQUE INDEX events_by_id ON events (event_id);
        CREATE INDEX events_room_stream ON events (room_id, stream_ordering);
        CREATE INDEX rejections_by_id ON rejections (event_id);
        CREATE INDEX event_edges_by_previous ON event_edges (prev_event_id);
        CREATE INDEX state_groups_state_by_group ON state_groups_state (state_group);
        CREATE INDEX current_state_delta_stream_idx ON current_state_delta_stream (stream_id);
        CREATE INDEX room_memberships_by_id ON room_memberships (event_id);
        """,
    ];
}
