namespace Matrix.Import.Tests.People;

/// <summary>The tables of people, with the columns that the import reads.</summary>
internal static class PeopleTables
{
    public static IReadOnlyList<string> All { get; } =
    [
        """
        CREATE TABLE users (
            name TEXT UNIQUE, password_hash TEXT, creation_ts BIGINT, admin SMALLINT NOT NULL DEFAULT 0,
            is_guest SMALLINT NOT NULL DEFAULT 0, appservice_id TEXT, user_type TEXT,
            deactivated SMALLINT NOT NULL DEFAULT 0, shadow_banned BOOLEAN, approved BOOLEAN,
            locked BOOLEAN NOT NULL DEFAULT FALSE, suspended BOOLEAN NOT NULL DEFAULT FALSE,
            consent_version TEXT, consent_server_notice_sent TEXT)
        """,
        "CREATE TABLE erased_users (user_id TEXT NOT NULL)",
        "CREATE TABLE users_pending_deactivation (user_id TEXT NOT NULL)",
        "CREATE TABLE account_validity (user_id TEXT PRIMARY KEY, expiration_ts_ms BIGINT NOT NULL)",
        """
        CREATE TABLE profiles (
            user_id TEXT NOT NULL UNIQUE, full_user_id TEXT, displayname TEXT, avatar_url TEXT, fields JSONB)
        """,
        """
        CREATE TABLE user_threepids (
            user_id TEXT NOT NULL, medium TEXT NOT NULL, address TEXT NOT NULL, validated_at BIGINT NOT NULL,
            added_at BIGINT NOT NULL)
        """,
        """
        CREATE TABLE user_threepid_id_server (
            user_id TEXT NOT NULL, medium TEXT NOT NULL, address TEXT NOT NULL, id_server TEXT NOT NULL)
        """,
        """
        CREATE TABLE user_external_ids (
            auth_provider TEXT NOT NULL, external_id TEXT NOT NULL, user_id TEXT NOT NULL,
            UNIQUE (auth_provider, external_id))
        """,
        """
        CREATE TABLE devices (
            user_id TEXT NOT NULL, device_id TEXT NOT NULL, display_name TEXT, last_seen BIGINT, ip TEXT,
            user_agent TEXT, hidden BOOLEAN DEFAULT FALSE)
        """,
        """
        CREATE TABLE user_ips (
            user_id TEXT NOT NULL, access_token TEXT NOT NULL, device_id TEXT, ip TEXT NOT NULL,
            user_agent TEXT NOT NULL, last_seen BIGINT NOT NULL)
        """,
        """
        CREATE TABLE device_auth_providers (
            user_id TEXT NOT NULL, device_id TEXT NOT NULL, auth_provider_id TEXT NOT NULL,
            auth_provider_session_id TEXT NOT NULL)
        """,
        """
        CREATE TABLE refresh_tokens (
            id BIGINT PRIMARY KEY, user_id TEXT NOT NULL, device_id TEXT NOT NULL, token TEXT NOT NULL UNIQUE,
            next_token_id BIGINT, expiry_ts BIGINT, ultimate_session_expiry_ts BIGINT)
        """,
        """
        CREATE TABLE access_tokens (
            id BIGINT PRIMARY KEY, user_id TEXT NOT NULL, device_id TEXT, token TEXT NOT NULL UNIQUE,
            valid_until_ms BIGINT, puppets_user_id TEXT, last_validated BIGINT, refresh_token_id BIGINT, used BOOLEAN)
        """,
        """
        CREATE TABLE user_filters (
            user_id TEXT NOT NULL, full_user_id TEXT, filter_id BIGINT NOT NULL, filter_json BYTEA NOT NULL)
        """,
        """
        CREATE TABLE account_data (
            user_id TEXT NOT NULL, account_data_type TEXT NOT NULL, stream_id BIGINT NOT NULL, content TEXT NOT NULL)
        """,
        """
        CREATE TABLE push_rules (
            id BIGINT PRIMARY KEY, user_name TEXT NOT NULL, rule_id TEXT NOT NULL, priority_class SMALLINT NOT NULL,
            priority INTEGER NOT NULL DEFAULT 0, conditions TEXT NOT NULL, actions TEXT NOT NULL)
        """,
        """
        CREATE TABLE push_rules_enable (
            id BIGINT PRIMARY KEY, user_name TEXT NOT NULL, rule_id TEXT NOT NULL, enabled SMALLINT)
        """,
        """
        CREATE TABLE push_rules_stream (
            stream_id BIGINT NOT NULL, event_stream_ordering BIGINT NOT NULL, user_id TEXT NOT NULL,
            rule_id TEXT NOT NULL, op TEXT NOT NULL)
        """,
        """
        CREATE TABLE pushers (
            id BIGINT PRIMARY KEY, user_name TEXT NOT NULL, access_token BIGINT, profile_tag TEXT NOT NULL,
            kind TEXT NOT NULL, app_id TEXT NOT NULL, app_display_name TEXT NOT NULL,
            device_display_name TEXT NOT NULL, pushkey TEXT NOT NULL, ts BIGINT NOT NULL, lang TEXT, data TEXT,
            last_stream_ordering BIGINT, last_success BIGINT, failing_since BIGINT, enabled BOOLEAN, device_id TEXT)
        """,
        """
        CREATE TABLE presence_stream (
            stream_id BIGINT, user_id TEXT, state TEXT, last_active_ts BIGINT, status_msg TEXT,
            currently_active BOOLEAN)
        """,
        "CREATE TABLE ratelimit_override (user_id TEXT NOT NULL, messages_per_second BIGINT, burst_count BIGINT)",
        """
        CREATE TABLE registration_tokens (
            token TEXT NOT NULL UNIQUE, uses_allowed INT, pending INT NOT NULL, completed INT NOT NULL,
            expiry_time BIGINT)
        """,
        """
        CREATE TABLE event_reports (
            id BIGINT PRIMARY KEY, received_ts BIGINT NOT NULL, room_id TEXT NOT NULL, event_id TEXT NOT NULL,
            user_id TEXT NOT NULL, reason TEXT, content TEXT)
        """,
        """
        CREATE TABLE room_reports (
            id BIGINT PRIMARY KEY, received_ts BIGINT NOT NULL, room_id TEXT NOT NULL, user_id TEXT NOT NULL,
            reason TEXT NOT NULL)
        """,
        """
        CREATE TABLE user_reports (
            id BIGINT PRIMARY KEY, received_ts BIGINT NOT NULL, target_user_id TEXT NOT NULL, user_id TEXT NOT NULL,
            reason TEXT NOT NULL)
        """,
        "CREATE TABLE login_tokens (token TEXT PRIMARY KEY, user_id TEXT NOT NULL, expiry_ts BIGINT NOT NULL)",
    ];
}
