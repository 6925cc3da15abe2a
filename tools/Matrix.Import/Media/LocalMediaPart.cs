using Matrix.Host.Storage.Tables.Media;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Media;

/// <summary>
/// Media that local users uploaded: its files, names, types, times, quarantine and protection. Media that was promised
/// and not uploaded yet can still be uploaded for a day. Previews of pages are made again.
/// </summary>
internal sealed class LocalMediaPart : IImportPart
{
    private const string Kind = "local media";
    private static readonly long _unused = (long)TimeSpan.FromDays(1).TotalMilliseconds;

    public string Name => "media";

    public string Title => "media of this server";

    public IReadOnlyList<string> Tables { get; } =
    [
        "local_media_repository", "local_media_repository_thumbnails", "local_media_repository_url_cache",
        "quarantined_media_changes",
    ];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM local_media_repository WHERE url_cache IS NULL", stop);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (context.Files is not { } files) return;
        var now = context.Time.GetUtcNow().ToUnixTimeMilliseconds();
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT media_id, media_type, media_length, created_ts, upload_name, user_id, quarantined_by, last_access_ts,
                safe_from_quarantine
            FROM local_media_repository WHERE url_cache IS NULL AND media_id > $1 ORDER BY media_id
            """,
            stop,
            progress.Reached ?? ""))
        {
            progress.Read(Kind);
            var mediaId = row.Text(0);
            var created = row.Int64(3);
            var media = new MediaRow(
                context.ServerName,
                mediaId,
                FileHash: null,
                Size: 0,
                row.Text(1) is { Length: > 0 } type ? type : "application/octet-stream",
                row.TextOrNull(4),
                row.Text(5) is { Length: > 0 } user ? user : null,
                created,
                row.Int64OrNull(7) ?? created,
                ExpiresAt: null,
                IsQuarantined: false)
            {
                IsProtected = row.Bool(8),
            };
            if (row.IsNull(2))
            {
                if (created + _unused > now)
                {
                    progress.Add(new MediaCreated(media with { ExpiresAt = created + _unused }));
                    progress.Written("promised media");
                }
            }
            else
            {
                await KeepAsync(files, media, row.TextOrNull(6), progress, now, stop);
            }

            await progress.SaveAsync(mediaId, stop);
        }

        files.Save();
    }

    private static async Task KeepAsync(
        IKeptMedia files, MediaRow media, string? quarantinedBy, PartProgress progress, long now,
        CancellationToken stop)
    {
        var (file, reason) = await files.KeepLocalAsync(media.MediaId, stop);
        if (file is not { } kept)
        {
            progress.LeaveOut(Kind, media.MediaId, reason);
            return;
        }

        progress.Add(new MediaCreated(media with { FileHash = kept.Hash, Size = kept.Size }));
        if (media.AccessedAt != media.CreatedAt)
        {
            progress.Add(new MediaAccessed(media.Origin, media.MediaId, media.AccessedAt));
        }

        if (media.IsProtected) progress.Add(new MediaProtected(media.Origin, media.MediaId, IsProtected: true));
        if (quarantinedBy is not null) progress.Add(new FileQuarantined(kept.Hash, quarantinedBy, now));
        progress.Written(Kind);
    }
}
