namespace Matrix.Import.Tests.Media;

/// <summary>The tables of media, with the columns that the import reads.</summary>
internal static class MediaTables
{
    public static IReadOnlyList<string> All { get; } =
    [
        """
        CREATE TABLE local_media_repository (
            media_id TEXT, media_type TEXT, media_length BIGINT, created_ts BIGINT, upload_name TEXT, user_id TEXT,
            quarantined_by TEXT, url_cache TEXT, last_access_ts BIGINT, safe_from_quarantine BOOLEAN NOT NULL);
        CREATE TABLE remote_media_cache (
            media_origin TEXT, media_id TEXT, media_type TEXT, created_ts BIGINT, upload_name TEXT, media_length BIGINT,
            filesystem_id TEXT, last_access_ts BIGINT, quarantined_by TEXT);
        """,
    ];
}
