namespace Matrix.Host.Storage.Copying;

/// <summary>Opens sides.</summary>
internal static class CopySide
{
    /// <summary>Opens a second connection to a database.</summary>
    public static async Task<ICopySide> OpenAsync(StorageOptions options, bool writes, CancellationToken stop) =>
        StorageEngine.SqliteFileOf(options) is { } file
            ? new SqliteSide(file, options.BusyTimeoutMs, writes)
            : await PostgresSide.OpenAsync(options, stop);
}
