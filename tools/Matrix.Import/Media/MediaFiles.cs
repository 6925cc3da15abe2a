using Matrix.Import.Sources;

namespace Matrix.Import.Media;

/// <summary>A media file that Synapse's tables name.</summary>
/// <param name="Origin">The other server; null for local media.</param>
/// <param name="Id">The media's id, or the name of the other server's file.</param>
internal readonly record struct MediaFile(string? Origin, string Id);

/// <summary>Reads which media files there are.</summary>
internal static class MediaFiles
{
    private const string Local = "FROM local_media_repository WHERE url_cache IS NULL AND media_length IS NOT NULL";

    /// <summary>The query of how many there are.</summary>
    public static string Count(bool withRemote) =>
        $"SELECT (SELECT COUNT(*) {Local}) + (SELECT COUNT(*) FROM remote_media_cache {Remote(withRemote)})";

    /// <summary>All of them.</summary>
    /// <param name="source">Synapse's databases.</param>
    /// <param name="withRemote">Whether cached media of other servers is carried; what is in quarantine always
    /// is.</param>
    /// <param name="stop">Ends the reading.</param>
    public static async IAsyncEnumerable<MediaFile> AllAsync(
        SynapseSource source,
        bool withRemote,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken stop)
    {
        await foreach (var row in source.RowsAsync($"SELECT media_id {Local} ORDER BY media_id", stop))
        {
            yield return new MediaFile(null, row.Text(0));
        }

        await foreach (var row in source.RowsAsync(
            $"SELECT media_origin, filesystem_id FROM remote_media_cache {Remote(withRemote)}", stop))
        {
            yield return new MediaFile(row.Text(0), row.Text(1));
        }
    }

    private static string Remote(bool withRemote) => withRemote ? "" : "WHERE quarantined_by IS NOT NULL";
}
