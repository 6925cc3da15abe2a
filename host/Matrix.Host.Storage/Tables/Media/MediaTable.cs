using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Media;

/// <summary>
/// Media of this server and of others. v1.19 client-server-api#content-repository. A row takes some 250 bytes with its
/// indexes.
/// </summary>
public sealed class MediaTable(IReads reads)
{
    internal const string Columns = """
        m.origin, m.media_id, m.file_hash, m.size, m.content_type, m.file_name, m.uploader, m.created_at, m.accessed_at,
        m.expires_at,
        (SELECT COUNT(*) FROM quarantined_files q WHERE q.file_hash = m.file_hash), m.protected,
        m.stored_as
        """;

    private static readonly Statement Find = Statement.Of(
        $"SELECT {Columns} FROM media m WHERE m.origin = $1 AND m.media_id = $2");

    private static readonly Statement UseOf = Statement.Of(
        "SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM media WHERE uploader = $1");

    private static readonly Statement PendingOf = Statement.Of(
        "SELECT COUNT(*) FROM media WHERE uploader = $1 AND file_hash IS NULL AND expires_at > $2");

    private static readonly Statement Used = Statement.ByKeys(
        "SELECT DISTINCT file_hash FROM media WHERE file_hash = KEY");

    private static readonly Statement Files = Statement.ByKeys(
        "SELECT DISTINCT COALESCE(stored_as, file_hash) FROM media WHERE file_hash = KEY");

    private static readonly Statement UnusedLocal = Statement.Of($"""
        SELECT {Columns} FROM media m WHERE m.accessed_at < $2 AND m.origin = $1 AND m.file_hash IS NOT NULL
        ORDER BY m.accessed_at LIMIT $3
        """);

    /// <summary>
    /// Media of others has no uploader; images of previews have none either, but this server's name. What is
    /// quarantined stays: without its row it would be fetched again, and served, if its server returned other bytes.
    /// </summary>
    private const string IsOfOthers = """
        m.uploader IS NULL AND m.origin <> $1
        AND NOT EXISTS (SELECT 1 FROM quarantined_files q WHERE q.file_hash = m.file_hash)
        """;

    internal static readonly Statement UnusedRemote = Statement.Of($"""
        SELECT {Columns} FROM media m WHERE m.accessed_at < $2 AND {IsOfOthers}
        ORDER BY m.accessed_at LIMIT $3
        """);

    private static readonly Statement List = Statement.Of($"""
        SELECT {Columns} FROM media m
        WHERE (m.origin, m.media_id) > ($1, $2)
            AND (CAST($3 AS TEXT) IS NULL OR m.uploader = $3)
            AND (CAST($4 AS TEXT) IS NULL OR m.origin = $4)
            AND ($5 = 0 OR EXISTS (SELECT 1 FROM quarantined_files q WHERE q.file_hash = m.file_hash))
        ORDER BY m.origin, m.media_id LIMIT $6
        """);

    private static readonly Statement CountOfFile = Statement.Of("SELECT COUNT(*) FROM media WHERE file_hash = $1");

    private static readonly Statement RemoteUse = Statement.Of(
        $"SELECT COUNT(*), CAST(COALESCE(SUM(m.size), 0) AS BIGINT) FROM media m WHERE {IsOfOthers}");

    // A file that no URI has any more is deleted at any time: none gets it again.
    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO media (origin, media_id, file_hash, size, content_type, file_name, uploader, created_at,
            accessed_at, expires_at, stored_as)
        SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT), CAST($5 AS TEXT),
            CAST($6 AS TEXT), CAST($7 AS TEXT), CAST($8 AS BIGINT), CAST($8 AS BIGINT), CAST($9 AS BIGINT),
            CAST($10 AS TEXT)
        WHERE $11 = 0
            OR EXISTS (SELECT 1 FROM media WHERE file_hash = $3 AND COALESCE(stored_as, file_hash) = $12)
        ON CONFLICT (origin, media_id) DO NOTHING
        """);

    private static readonly Statement Fill = Statement.Of("""
        UPDATE media SET file_hash = $3, size = $4, content_type = $5, file_name = $6, created_at = $8,
            accessed_at = $8, expires_at = NULL, stored_as = $9
        WHERE origin = $1 AND media_id = $2 AND uploader = $7 AND file_hash IS NULL AND expires_at > $8
            AND ($10 = 0
                OR EXISTS (SELECT 1 FROM media o WHERE o.file_hash = $3 AND COALESCE(o.stored_as, o.file_hash) = $11))
        """);

    private static readonly Statement Access = Statement.Of("""
        UPDATE media SET accessed_at = $3 WHERE origin = $1 AND media_id = $2 AND accessed_at < $3
        """);

    private static readonly Statement Delete = Statement.Of("""
        DELETE FROM media WHERE origin = $1 AND media_id = $2 AND (CAST($3 AS BIGINT) IS NULL OR accessed_at < $3)
            AND created_at = $4 AND COALESCE(stored_as, file_hash, '') = $5
        """);

    private static readonly Statement Drop = Statement.Of("""
        INSERT INTO dropped_files (file)
        SELECT CAST($1 AS TEXT) WHERE NOT EXISTS (
            SELECT 1 FROM media WHERE file_hash = $2 AND COALESCE(stored_as, file_hash) = $1)
        ON CONFLICT (file) DO NOTHING
        """);

    private static readonly Statement Replace = Statement.Of(
        "UPDATE media SET stored_as = $3 WHERE file_hash = $1 AND COALESCE(stored_as, file_hash) = $2");

    private static readonly Statement Dropped = Statement.Of("SELECT file FROM dropped_files LIMIT $1");

    private static readonly Statement Settle = Statement.Of("DELETE FROM dropped_files WHERE file = $1");

    private static readonly Statement Purge = Statement.Of(
        "DELETE FROM media WHERE expires_at < $1 AND file_hash IS NULL");

    private static readonly Statement Quarantine = Statement.Of("""
        INSERT INTO quarantined_files (file_hash, quarantined_by, quarantined_at) VALUES ($1, $2, $3)
        ON CONFLICT (file_hash) DO NOTHING
        """);

    private static readonly Statement Protect = Statement.Of(
        "UPDATE media SET protected = $3 WHERE origin = $1 AND media_id = $2");

    private static readonly Statement Release = Statement.Of("DELETE FROM quarantined_files WHERE file_hash = $1");

    private static readonly Statement Folder = Statement.Of("SELECT id, marked FROM media_folder");

    private static readonly Statement NameFolder = Statement.Of(
        "INSERT INTO media_folder (one, id, marked) VALUES (1, $1, 0) ON CONFLICT (one) DO NOTHING");

    private static readonly Statement MarkFolder = Statement.Of("UPDATE media_folder SET marked = 1");

    /// <summary>The media of that URI; null if there is none.</summary>
    public ValueTask<MediaRow?> FindAsync(string origin, string mediaId, CancellationToken stop) => reads.FirstAsync(
        Find, (origin, mediaId), static (a, q) => a.Text(q.origin).Text(q.mediaId), Map, stop);

    /// <summary>The URIs of a user, and the bytes behind them. It costs a row of an index for each.</summary>
    public ValueTask<MediaUse> UseOfAsync(string uploader, CancellationToken stop) => reads.FirstAsync(
        UseOf,
        uploader,
        static (a, user) => a.Text(user),
        static row => new MediaUse(row.Int64(0), row.Int64(1)),
        stop);

    /// <summary>The URIs of a user that have no content yet and have not expired.</summary>
    public ValueTask<long> PendingOfAsync(string uploader, long now, CancellationToken stop) => reads.FirstAsync(
        PendingOf,
        (uploader, now),
        static (a, q) => a.Text(q.uploader).Int(q.now),
        static row => row.Int64(0),
        stop);

    /// <summary>
    /// The files of these contents that URIs have. A content has several if it was uploaded twice at one moment.
    /// </summary>
    public async ValueTask<IReadOnlyCollection<string>> FilesAsync(
        IReadOnlyCollection<string> fileHashes, CancellationToken stop) =>
        await reads.ByKeysAsync(Files, fileHashes, By.Text, static row => row.Text(0), stop);

    /// <summary>Those of these contents that some URI has.</summary>
    public async ValueTask<IReadOnlyCollection<string>> UsedAsync(
        IReadOnlyCollection<string> fileHashes, CancellationToken stop) =>
        await reads.ByKeysAsync(Used, fileHashes, By.Text, static row => row.Text(0), stop);

    /// <summary>
    /// The media that was not accessed since a time, the longest unused first. That of other servers is without what
    /// must not be served.
    /// </summary>
    /// <param name="isLocal">Whether the media of this server or of others is meant.</param>
    public ValueTask<IReadOnlyList<MediaRow>> UnusedAsync(
        string thisServer, bool isLocal, long accessedBefore, int limit, CancellationToken stop) => reads.ListAsync(
            isLocal ? UnusedLocal : UnusedRemote,
            (thisServer, accessedBefore, limit),
            static (a, q) => a.Text(q.thisServer).Int(q.accessedBefore).Int(q.limit),
            Map,
            stop);

    /// <summary>Files whose last URI was deleted, and that may still be there.</summary>
    public ValueTask<IReadOnlyList<string>> DroppedAsync(int limit, CancellationToken stop) => reads.ListAsync(
        Dropped, limit, static (a, count) => a.Int(count), static row => row.Text(0), stop);

    /// <summary>Media in the order of its URIs. Without an uploader it may read all rows.</summary>
    public ValueTask<IReadOnlyList<MediaRow>> ListAsync(MediaListing query, int limit, CancellationToken stop) =>
        reads.ListAsync(
            List,
            (query, limit),
            static (a, q) => a
                .Text(q.query.AfterOrigin).Text(q.query.AfterId).TextOrNull(q.query.Uploader)
                .TextOrNull(q.query.Origin).Int(q.query.IsQuarantined ? 1 : 0).Int(q.limit),
            Map,
            stop);

    /// <summary>The number of URIs that have a file.</summary>
    public ValueTask<long> CountOfFileAsync(string fileHash, CancellationToken stop) => reads.FirstAsync(
        CountOfFile, fileHash, static (a, hash) => a.Text(hash), static row => row.Int64(0), stop);

    /// <summary>
    /// The media of other servers that is kept here and may be served, and its bytes. It reads the rows of all media
    /// that no user uploaded here.
    /// </summary>
    public ValueTask<MediaUse> RemoteUseAsync(string thisServer, CancellationToken stop) => reads.FirstAsync(
        RemoteUse,
        thisServer,
        static (a, name) => a.Text(name),
        static row => new MediaUse(row.Int64(0), row.Int64(1)),
        stop);

    /// <summary>The folder that the nodes of a cluster share; null if none has named it.</summary>
    public ValueTask<SharedMediaFolder?> FolderAsync(CancellationToken stop) => reads.FirstAsync(
        Folder, static row => new SharedMediaFolder(row.Text(0), row.Bool(1)), stop);

    internal static void Register(WriteHandlers handlers) => handlers
        .OnCondition<MediaCreated>(Insert, static (a, op) => a
            .Text(op.Media.Origin).Text(op.Media.MediaId).TextOrNull(op.Media.FileHash).Int(op.Media.Size)
            .Text(op.Media.ContentType).TextOrNull(op.Media.FileName).TextOrNull(op.Media.Uploader)
            .Int(op.Media.CreatedAt).IntOrNull(op.Media.ExpiresAt).TextOrNull(op.Media.StoredAs)
            .Int(op.SharesFile ? 1 : 0).Text(op.Media.File ?? ""))
        .OnCondition<MediaUploaded>(Fill, static (a, op) => a
            .Text(op.Media.Origin).Text(op.Media.MediaId).TextOrNull(op.Media.FileHash).Int(op.Media.Size)
            .Text(op.Media.ContentType).TextOrNull(op.Media.FileName).TextOrNull(op.Media.Uploader)
            .Int(op.Media.CreatedAt).TextOrNull(op.Media.StoredAs).Int(op.SharesFile ? 1 : 0)
            .Text(op.Media.File ?? ""))
        .OnCondition<MediaDeleted>(Delete, static (a, op) => a
            .Text(op.Media.Origin).Text(op.Media.MediaId).IntOrNull(op.UnusedSince).Int(op.Media.CreatedAt)
            .Text(op.Media.File ?? ""))
        .On<MediaDeleted>(static (op, writes) =>
        {
            if (op.Media.File is not null)
            {
                writes.Run(Drop, op.Media, static (a, media) => a.Text(media.File!).Text(media.FileHash!));
            }
        })
        .On<MediaFileReplaced>(Replace, static (a, op) => a.Text(op.FileHash).Text(op.File).Text(op.By))
        .On<MediaFileReplaced>(Drop, static (a, op) => a.Text(op.File).Text(op.FileHash))
        .On<DroppedFileSettled>(Settle, static (a, op) => a.Text(op.File))
        .OnCondition<MediaFolderNamed>(NameFolder, static (a, op) => a.Text(op.Id))
        .On<MediaFolderMarked>(MarkFolder, static (_, _) => { })
        .OnCondition<FileReleased>(Release, static (a, op) => a.Text(op.FileHash))
        .On<MediaAccessed>(static (op, writes) => writes.Run(
            Access, op, static (a, op) => a.Text(op.Origin).Text(op.MediaId).Int(op.At)))
        .On<ExpiredMediaPurged>(static (op, writes) => writes.Run(Purge, op, static (a, op) => a.Int(op.Before)))
        .OnCondition<MediaProtected>(
            Protect, static (a, op) => a.Text(op.Origin).Text(op.MediaId).Bool(op.IsProtected))
        .On<FileQuarantined>(static (op, writes) => writes.Run(
            Quarantine, op, static (a, op) => a.Text(op.FileHash).Text(op.By).Int(op.At)));

    internal static MediaRow Map(IRow row) => new(
        row.Text(0),
        row.Text(1),
        row.TextOrNull(2),
        row.Int64(3),
        row.Text(4),
        row.TextOrNull(5),
        row.TextOrNull(6),
        row.Int64(7),
        row.Int64(8),
        row.Int64OrNull(9),
        row.Bool(10))
    {
        IsProtected = row.Bool(11),
        StoredAs = row.TextOrNull(12),
    };
}
