using Matrix.Host.Storage.Tables.Media;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Media;

/// <summary>
/// Media of other servers that Synapse has cached. It is carried by choice: without it the other servers are asked
/// again. What was in quarantine stays there either way.
/// </summary>
internal sealed class RemoteMediaPart : IImportPart
{
    private const string Kind = "cached media of other servers";

    public string Name => "remote-media";

    public string Title => "cached media of other servers";

    public IReadOnlyList<string> Tables { get; } = ["remote_media_cache", "remote_media_cache_thumbnails"];

    public async Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        await context.Source.NumberAsync(
            $"SELECT COUNT(*) FROM remote_media_cache {Condition(context, "WHERE")}", stop);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (context.Files is not { } files) return;
        var now = context.Time.GetUtcNow().ToUnixTimeMilliseconds();
        var reached = progress.Reached?.Split('\n') is [var origin, var id] ? (origin, id) : ("", "");
        await foreach (var row in context.Source.RowsAsync(
            $"""
            SELECT media_origin, media_id, media_type, created_ts, upload_name, filesystem_id, last_access_ts,
                quarantined_by
            FROM remote_media_cache
            WHERE (media_origin > $1 OR (media_origin = $1 AND media_id > $2)) {Condition(context, "AND")}
            ORDER BY media_origin, media_id
            """,
            stop,
            reached.Item1,
            reached.Item2))
        {
            progress.Read(Kind);
            var (server, mediaId) = (row.Text(0), row.Text(1));
            var (file, reason) = await files.KeepRemoteAsync(server, row.Text(5), stop);
            if (file is { } kept)
            {
                progress.Add(new MediaCreated(new MediaRow(
                    server,
                    mediaId,
                    kept.Hash,
                    kept.Size,
                    row.Text(2) is { Length: > 0 } type ? type : "application/octet-stream",
                    row.TextOrNull(4),
                    Uploader: null,
                    row.Int64(3),
                    row.Int64OrNull(6) ?? row.Int64(3),
                    ExpiresAt: null,
                    IsQuarantined: false)));
                if (row.Int64OrNull(6) is { } accessed) progress.Add(new MediaAccessed(server, mediaId, accessed));
                if (row.TextOrNull(7) is { } by) progress.Add(new FileQuarantined(kept.Hash, by, now));
                progress.Written(Kind);
            }
            else
            {
                progress.LeaveOut(Kind, $"mxc://{server}/{mediaId}", reason);
            }

            await progress.SaveAsync($"{server}\n{mediaId}", stop);
        }

        files.Save();
    }

    // A content in quarantine is known by its hash: its file is carried in any case.
    private static string Condition(ImportContext context, string word) =>
        context.Choices.RemoteMedia ? "" : $"{word} quarantined_by IS NOT NULL";
}
