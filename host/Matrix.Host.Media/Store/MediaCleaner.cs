using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Media.Store;

/// <summary>
/// Deletes what is no longer kept: expired URIs, media that nobody has accessed for long, the longest unused media of
/// other servers if there is too much of it, and contents without a URI, which a server leaves that was killed in the
/// middle of an upload.
/// </summary>
public sealed class MediaCleaner(
    MediaTable mediaTable,
    IStorageWriter writer,
    ContentRepository repository,
    IMediaFiles files,
    DerivedFiles derived,
    MediaOptions options,
    TimeProvider time)
{
    private const int Batch = 200;

    /// <summary>What a row costs beside its content.</summary>
    private const int BytesOfRow = 4096;

    /// <summary>A content that is this old has its URI, or never gets one.</summary>
    private static readonly TimeSpan _settled = TimeSpan.FromHours(1);

    /// <summary>
    /// A content that is older lacks its URI for another reason, such as another database. It is left alone.
    /// </summary>
    private static readonly TimeSpan _swept = TimeSpan.FromDays(2);

    /// <summary>Deletes expired and old media.</summary>
    public async ValueTask CleanAsync(CancellationToken stop)
    {
        var now = time.GetUtcNow();
        await writer.WriteAsync(
            new WriteBatch(MediaCleaning.Duty, 1).Add(new ExpiredMediaPurged(now.ToUnixTimeMilliseconds())), stop);
        if (options.LocalKept is { } local) await DeleteUnusedAsync(true, now - local, stop);
        if (options.RemoteKept is { } remote) await DeleteUnusedAsync(false, now - remote, stop);
        await ShrinkAsync(stop);
        try
        {
            if (!options.HasOwnFolder) await CleanFolderAsync(stop);
        }
        finally
        {
            // Last: it asks a service for each content, where contents are kept in one.
            await repository.DropLeftAsync(stop);
        }
    }

    /// <summary>
    /// Deletes recent contents that no URI has, and what was made of contents that are gone. It reads the names of all
    /// files.
    /// </summary>
    public async ValueTask SweepAsync(CancellationToken stop)
    {
        var now = time.GetUtcNow();
        await foreach (var names in files.ListAsync(now - _swept, now - _settled, stop))
        {
            foreach (var some in names.Chunk(Batch))
            {
                var used = await mediaTable.FilesAsync([.. some.Select(StoredName.HashOf).Distinct()], stop);
                foreach (var name in some.Except(used))
                {
                    await repository.TryDropAsync(name, stop);
                }
            }
        }

        if (!options.HasOwnFolder) await SweepFolderAsync(stop);
    }

    /// <summary>Deletes what takes too much of the folder, and what nodes left in it.</summary>
    internal async ValueTask CleanFolderAsync(CancellationToken stop)
    {
        await Task.Run(() => derived.Shrink(options.ThumbnailCacheBytes, stop), stop);
        if (options.SharesFolder)
        {
            await Task.Run(() => WorkFolders.DeleteLeft(options, time.GetUtcNow(), stop), stop);
        }
    }

    /// <summary>Deletes from the folder what was made of contents that are gone.</summary>
    internal async ValueTask SweepFolderAsync(CancellationToken stop)
    {
        foreach (var hashes in derived.Contents())
        {
            foreach (var some in hashes.Chunk(Batch))
            {
                var used = await mediaTable.UsedAsync(some, stop);
                foreach (var hash in some.Except(used)) derived.TryDelete(hash);
            }
        }
    }

    private async ValueTask DeleteUnusedAsync(bool isLocal, DateTimeOffset before, CancellationToken stop)
    {
        while (true)
        {
            var unused = await mediaTable.UnusedAsync(
                options.ServerName, isLocal, before.ToUnixTimeMilliseconds(), Batch, stop);
            foreach (var media in unused)
            {
                await repository.DeleteAsync(media, before.ToUnixTimeMilliseconds(), stop);
            }

            if (unused.Count < Batch) return;
        }
    }

    /// <summary>Deletes the longest unused media of other servers until the rest is within its bound.</summary>
    private async ValueTask ShrinkAsync(CancellationToken stop)
    {
        var use = await mediaTable.RemoteUseAsync(options.ServerName, stop);
        var beyond = use.Bytes + (use.Files * BytesOfRow) - options.RemoteCacheBytes;
        while (beyond > 0)
        {
            var unused = await mediaTable.UnusedAsync(options.ServerName, false, long.MaxValue, Batch, stop);
            foreach (var media in unused)
            {
                if (beyond <= 0) return;
                await repository.DeleteAsync(media, stop);
                beyond -= media.Size + BytesOfRow;
            }

            if (unused.Count < Batch) return;
        }
    }
}
