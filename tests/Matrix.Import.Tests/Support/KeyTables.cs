namespace Matrix.Import.Tests.Support;

/// <summary>Tables of Synapse's with users, devices and their keys.</summary>
internal static class KeyTables
{
    public const string Users = """
        CREATE TABLE users (name TEXT, appservice_id TEXT)
        """;

    public const string Devices = """
        CREATE TABLE devices (user_id TEXT NOT NULL, device_id TEXT NOT NULL, display_name TEXT, hidden BOOLEAN)
        """;

    public const string DeviceKeys = """
        CREATE TABLE e2e_device_keys_json (
            user_id TEXT NOT NULL, device_id TEXT NOT NULL, ts_added_ms BIGINT NOT NULL, key_json TEXT NOT NULL)
        """;

    public const string CrossSigning = """
        CREATE TABLE e2e_cross_signing_keys (
            user_id TEXT NOT NULL, keytype TEXT NOT NULL, keydata TEXT NOT NULL, stream_id BIGINT NOT NULL)
        """;

    public const string Services = """
        CREATE TABLE application_services_state (
            as_id TEXT NOT NULL, state VARCHAR(5), read_receipt_stream_id BIGINT, presence_stream_id BIGINT,
            to_device_stream_id BIGINT, device_list_stream_id BIGINT)
        """;
}
