namespace Matrix.Import.Tests.Federation;

/// <summary>Tables of Synapse's with what other servers are owed.</summary>
internal static class FederationTables
{
    public const string Destinations = """
        CREATE TABLE destinations (
            destination TEXT PRIMARY KEY, retry_last_ts BIGINT, retry_interval BIGINT, failure_ts BIGINT,
            last_successful_stream_ordering BIGINT)
        """;

    public const string DestinationRooms = """
        CREATE TABLE destination_rooms (
            destination TEXT NOT NULL, room_id TEXT NOT NULL, stream_ordering BIGINT NOT NULL)
        """;

    public const string Positions = """
        CREATE TABLE federation_stream_position (
            type TEXT NOT NULL, stream_id INTEGER NOT NULL, instance_name TEXT NOT NULL)
        """;
}
