using Matrix.Host.Media.Store;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.UrlPreviews;

namespace Matrix.Host.Media.Previews;

/// <summary>Deletes old previews with their images, and the oldest if there are too many.</summary>
public sealed class PreviewCleaner(
    MediaTable mediaTable,
    UrlPreviewsTable urlPreviewsTable,
    IStorageWriter writer,
    ContentRepository repository,
    MediaOptions options,
    TimeProvider time)
{
    private const int Batch = 200;

    /// <summary>Deletes them.</summary>
    public async ValueTask CleanAsync(CancellationToken stop)
    {
        var before = (time.GetUtcNow() - options.PreviewKept).ToUnixTimeMilliseconds();
        var use = await urlPreviewsTable.UseAsync(stop);
        var (entries, bytes) = (use.Files, use.Bytes);
        while (true)
        {
            var oldest = await urlPreviewsTable.OldestAsync(Batch, stop);
            foreach (var preview in oldest)
            {
                if (preview.FetchedAt >= before
                    && entries <= options.PreviewEntries
                    && bytes <= options.PreviewCacheBytes)
                {
                    return;
                }

                await DeleteAsync(preview, stop);
                (entries, bytes) = (entries - 1, bytes - preview.ImageBytes);
            }

            if (oldest.Count < Batch) return;
        }
    }

    private async ValueTask DeleteAsync(UrlPreviewRow preview, CancellationToken stop)
    {
        // The preview last: a server that stops in between finds its image again.
        if (preview.MediaId is { } mediaId
            && await mediaTable.FindAsync(options.ServerName, mediaId, stop) is { } image)
        {
            await repository.DeleteAsync(image, stop);
        }

        await writer.WriteAsync(
            new WriteBatch(MediaCleaning.Duty, 1).Add(new UrlPreviewDeleted(preview.Url, preview.FetchedAt)), stop);
    }
}
