using Matrix.Host.Media.Store;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.MediaLists;

namespace Matrix.Host.Media.Operators;

/// <summary>Lists of media for administrators, and the deletion of much of it at once.</summary>
public sealed class MediaAdministration(
    MediaTable mediaTable,
    MediaListTable mediaListTable,
    IStorageWriter writer,
    ContentRepository repository,
    MediaOptions options,
    TimeProvider time)
{
    private const int ReadAtOnce = 200;

    /// <summary>A page of what a user uploaded, and the number of all that they uploaded.</summary>
    public async ValueTask<(IReadOnlyList<MediaRow> Media, long Total)> OfUserAsync(
        string userId, MediaOrder order, bool isReversed, long skip, int limit, CancellationToken stop)
    {
        var page = await mediaListTable.OfUserAsync(userId, order, isReversed, skip, limit, stop);
        var pending = await mediaTable.PendingOfAsync(userId, long.MinValue, stop);
        var use = await mediaTable.UseOfAsync(userId, stop);
        return (page, use.Files - pending);
    }

    /// <summary>Deletes a page of what a user uploaded. Returns the ids of what was deleted.</summary>
    public async ValueTask<IReadOnlyList<string>> DeleteOfUserAsync(
        string userId, MediaOrder order, bool isReversed, long skip, int limit, CancellationToken stop)
    {
        var page = await mediaListTable.OfUserAsync(userId, order, isReversed, skip, limit, stop);
        return await DeleteAsync(page, stop);
    }

    /// <summary>
    /// Deletes media of this server that was not accessed since a time, at most <see
    /// cref="MediaOperations.MostDeleted"/> URIs.
    /// </summary>
    /// <param name="largerThan">Only media with more bytes than this.</param>
    /// <param name="kept">URIs that stay.</param>
    public async ValueTask<IReadOnlyList<string>> DeleteUnusedAsync(
        long accessedBefore, long largerThan, IReadOnlySet<string> kept, CancellationToken stop)
    {
        var deleted = new List<string>();
        for (var after = ""; deleted.Count < MediaOperations.MostDeleted;)
        {
            var page = await mediaListTable.UnusedAsync(
                options.ServerName, accessedBefore, largerThan, after, ReadAtOnce, stop);
            var unkept = page.Where(media => !kept.Contains($"mxc://{media.Origin}/{media.MediaId}"));
            deleted.AddRange(await DeleteAsync(unkept.Take(MediaOperations.MostDeleted - deleted.Count), stop));
            if (page.Count < ReadAtOnce) break;
            after = page[^1].MediaId;
        }

        return deleted;
    }

    /// <summary>
    /// Deletes copies of other servers' media that were not accessed since a time, at most <see
    /// cref="MediaOperations.MostDeleted"/> of them. What is in quarantine stays. Returns their number.
    /// </summary>
    public async ValueTask<int> PurgeRemoteAsync(long accessedBefore, CancellationToken stop)
    {
        var unused = await mediaTable.UnusedAsync(
            options.ServerName, isLocal: false, accessedBefore, MediaOperations.MostDeleted, stop);
        return (await DeleteAsync(unused, stop)).Count;
    }

    /// <summary>Keeps all contents from being served that a user uploaded. Returns their number.</summary>
    /// <param name="by">Who asks, for the record.</param>
    public async ValueTask<int> QuarantineOfUserAsync(string userId, string by, CancellationToken stop)
    {
        var count = 0;
        for (var skip = 0L; ; skip += ReadAtOnce)
        {
            var page = await mediaListTable.OfUserAsync(
                userId, MediaOrder.MediaId, isReversed: false, skip, ReadAtOnce, stop);
            var batch = new Storage.Commits.WriteBatch(Storage.Commits.Authority.Nobody);
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            var open = page.Where(static media => media is { IsQuarantined: false, IsProtected: false }).ToArray();
            foreach (var media in open) batch.Add(new FileQuarantined(media.FileHash!, by, now));
            if (open.Length > 0) await writer.WriteAsync(batch, stop);
            count += open.Length;
            if (page.Count < ReadAtOnce) return count;
        }
    }

    /// <summary>Leaves media out when all media of a user or room is put in quarantine, or no longer.</summary>
    /// <returns>Whether it is here.</returns>
    public async ValueTask<bool> ProtectAsync(
        string mediaId, bool isProtected, Storage.Commits.ConditionalChange record, CancellationToken stop)
    {
        var batch = new Storage.Commits.WriteBatch(Storage.Commits.Authority.Nobody, 2)
            .Require(new MediaProtected(options.ServerName, mediaId, isProtected))
            .Require(record);
        return !(await writer.WriteAsync(batch, stop)).Refused;
    }

    /// <summary>Keeps contents from being served, by their URIs. Returns their number.</summary>
    /// <param name="by">Who asks, for the record.</param>
    public async ValueTask<int> QuarantineManyAsync(
        IEnumerable<string> uris, string by, CancellationToken stop)
    {
        var count = 0;
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var uri in uris)
        {
            if (uri["mxc://".Length..].Split('/') is not [var origin, var id]
                || await mediaTable.FindAsync(origin, id, stop)
                    is not { FileHash: { } hash, IsQuarantined: false, IsProtected: false })
            {
                continue;
            }

            var batch = new Storage.Commits.WriteBatch(Storage.Commits.Authority.Nobody, 1)
                .Add(new FileQuarantined(hash, by, now));
            await writer.WriteAsync(batch, stop);
            count++;
        }

        return count;
    }

    /// <summary>What users have uploaded, a page of them, and the number of all users that the query admits.</summary>
    public async ValueTask<(IReadOnlyList<UserMediaRow> Users, long Total)> StatisticsAsync(
        MediaStatistics query, long skip, int limit, CancellationToken stop) => (
            await mediaListTable.StatisticsAsync(query, skip, limit, stop),
            await mediaListTable.StatisticsCountAsync(query, stop));

    private async ValueTask<IReadOnlyList<string>> DeleteAsync(IEnumerable<MediaRow> some, CancellationToken stop)
    {
        var deleted = new List<string>();
        foreach (var media in some)
        {
            if (await repository.DeleteAsync(media, stop)) deleted.Add(media.MediaId);
        }

        return deleted;
    }
}
