using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Storage.Tables.MediaLists;

/// <summary>Lists of media for administrators.</summary>
public sealed class MediaListTable(IReads reads)
{
    private static readonly Dictionary<(MediaOrder, bool), Statement> OfUser = Both<MediaOrder>().ToDictionary(
        static key => key,
        static key => Statement.Of($"""
            SELECT {MediaTable.Columns} FROM media m WHERE m.uploader = $1 AND m.file_hash IS NOT NULL
            ORDER BY {Column(key.Item1)} {Direction(key.Item2)}, m.media_id LIMIT $3 OFFSET $2
            """));

    private static readonly Statement Unused = Statement.Of($"""
        SELECT {MediaTable.Columns} FROM media m
        WHERE m.origin = $1 AND m.media_id > $4 AND m.accessed_at < $2 AND m.size > $3 AND m.file_hash IS NOT NULL
        ORDER BY m.media_id LIMIT $5
        """);

    private static readonly (string Sqlite, string Postgres) Grouped = (
        GroupedBy("instr(lower(CAST(n.value AS TEXT)), $3) > 0", "instr(lower(m.uploader), $3) > 0"),
        GroupedBy("position($3 in lower(convert_from(n.value, 'UTF8'))) > 0", "position($3 in lower(m.uploader)) > 0"));

    private static readonly Dictionary<(StatisticsOrder, bool), Statement> Statistics =
        Both<StatisticsOrder>().ToDictionary(
            static key => key,
            static key => Statement.Of(Page(Grouped.Sqlite, key), Page(Grouped.Postgres, key)));

    private static readonly Statement StatisticsCount = Statement.Of(
        $"SELECT COUNT(*) FROM ({Grouped.Sqlite}) g", $"SELECT COUNT(*) FROM ({Grouped.Postgres}) g");

    /// <summary>A page of what a user uploaded. Reads all of the user's rows.</summary>
    public ValueTask<IReadOnlyList<MediaRow>> OfUserAsync(
        string uploader, MediaOrder order, bool isReversed, long skip, int limit, CancellationToken stop) =>
        reads.ListAsync(
            OfUser[(order, isReversed)],
            (uploader, skip, limit),
            static (a, q) => a.Text(q.uploader).Int(q.skip).Int(q.limit),
            MediaTable.Map,
            stop);

    /// <summary>
    /// Media with an origin that was not accessed since a time and has more bytes than some, by id: that after one.
    /// </summary>
    public ValueTask<IReadOnlyList<MediaRow>> UnusedAsync(
        string origin, long accessedBefore, long largerThan, string afterId, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Unused,
            (origin, accessedBefore, largerThan, afterId, limit),
            static (a, q) => a
                .Text(q.origin).Int(q.accessedBefore).Int(q.largerThan).Text(q.afterId).Int(q.limit),
            MediaTable.Map,
            stop);

    /// <summary>A page of what users have uploaded. Reads all media that users uploaded.</summary>
    public ValueTask<IReadOnlyList<UserMediaRow>> StatisticsAsync(
        MediaStatistics query, long skip, int limit, CancellationToken stop) => reads.ListAsync(
            Statistics[(query.Order, query.IsReversed)],
            (query, skip, limit),
            static (a, q) => Bind(a, q.query).Int(q.skip).Int(q.limit),
            static row => new UserMediaRow(row.Text(0), row.BlobOrNull(1), row.Int64(2), row.Int64(3)),
            stop);

    /// <summary>The number of users that the query admits.</summary>
    public ValueTask<long> StatisticsCountAsync(MediaStatistics query, CancellationToken stop) => reads.FirstAsync(
        StatisticsCount, query, static (a, q) => Bind(a, q), static row => row.Int64(0), stop);

    private static IArguments Bind(IArguments a, MediaStatistics query) =>
        a.Int(query.From).Int(query.Until).TextOrNull(query.Search?.ToLowerInvariant());

    private static IEnumerable<(T, bool)> Both<T>() where T : struct, Enum =>
        Enum.GetValues<T>().SelectMany(static order => new[] { (order, false), (order, true) });

    private static string Direction(bool isReversed) => isReversed ? "DESC" : "ASC";

    private static string Column(MediaOrder order) => order switch
    {
        MediaOrder.AccessedAt => "m.accessed_at",
        MediaOrder.MediaId => "m.media_id",
        MediaOrder.Size => "m.size",
        MediaOrder.ContentType => "m.content_type",
        MediaOrder.FileName => "COALESCE(m.file_name, '')",
        _ => "m.created_at",
    };

    private static string GroupedBy(string nameMatches, string idMatches) => $"""
        SELECT m.uploader AS user_id, n.value AS name, COUNT(*) AS uploads,
            CAST(COALESCE(SUM(m.size), 0) AS BIGINT) AS bytes
        FROM media m LEFT JOIN profiles n ON n.user_id = m.uploader AND n.field = 'displayname'
        WHERE m.uploader IS NOT NULL AND m.file_hash IS NOT NULL AND m.created_at >= $1 AND m.created_at <= $2
            AND (CAST($3 AS TEXT) IS NULL OR {idMatches} OR {nameMatches})
        GROUP BY m.uploader, n.value
        """;

    private static string Page(string grouped, (StatisticsOrder Order, bool IsReversed) key)
    {
        var column = key.Order switch
        {
            StatisticsOrder.DisplayName => "name",
            StatisticsOrder.Count => "uploads",
            StatisticsOrder.Bytes => "bytes",
            _ => "user_id",
        };
        var nulls = key.IsReversed ? "NULLS LAST" : "NULLS FIRST";
        return $"""
            SELECT user_id, name, uploads, bytes FROM ({grouped}) g
            ORDER BY {column} {Direction(key.IsReversed)} {nulls}, user_id LIMIT $5 OFFSET $4
            """;
    }
}

/// <summary>The order of a user's media; the id decides between equals.</summary>
public enum MediaOrder
{
    /// <summary>By the time of the upload.</summary>
    CreatedAt,

    /// <summary>By the last access.</summary>
    AccessedAt,

    /// <summary>By id.</summary>
    MediaId,

    /// <summary>By size.</summary>
    Size,

    /// <summary>By type.</summary>
    ContentType,

    /// <summary>By file name.</summary>
    FileName,
}

/// <summary>The order of users by their media; the user id decides between equals.</summary>
public enum StatisticsOrder
{
    /// <summary>By user id.</summary>
    UserId,

    /// <summary>By display name.</summary>
    DisplayName,

    /// <summary>By the number of uploads.</summary>
    Count,

    /// <summary>By bytes.</summary>
    Bytes,
}

/// <summary>Which uploads are counted, and how the users are ordered.</summary>
/// <param name="From">Uploads at this time or later count, in milliseconds since the epoch.</param>
/// <param name="Until">Uploads at this time or earlier count.</param>
/// <param name="Search">Part of the user id or of the display name, in any case; null for all.</param>
public sealed record MediaStatistics(
    long From, long Until, string? Search, StatisticsOrder Order, bool IsReversed);

/// <summary>What a user has uploaded.</summary>
/// <param name="DisplayName">The display name as JSON; null for none.</param>
public sealed record UserMediaRow(string UserId, ReadOnlyMemory<byte>? DisplayName, long Count, long Bytes);
