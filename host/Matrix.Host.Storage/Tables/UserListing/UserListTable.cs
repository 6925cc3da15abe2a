using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Storage.Tables.UserListing;

/// <summary>Lists of users for administrators. A list reads all users that its query admits.</summary>
public sealed class UserListTable(IReads reads)
{
    private const string From = """
        FROM users u
        LEFT JOIN profiles n ON n.user_id = u.user_id AND n.field = 'displayname'
        """;

    // User names have no colon: the first one ends the local part.
    private static readonly string SqliteWhere = Where(
        "instr(lower(substr(u.user_id, 2, instr(u.user_id, ':') - 2)), $1) > 0",
        "instr(lower(CAST(n.value AS TEXT)), $1) > 0",
        "instr(lower(u.user_id), $2) > 0");

    private static readonly string PostgresWhere = Where(
        "position($1 in lower(substr(u.user_id, 2, position(':' in u.user_id) - 2))) > 0",
        "position($1 in lower(convert_from(n.value, 'UTF8'))) > 0",
        "position($2 in lower(u.user_id)) > 0");

    private static readonly Statement Count = Statement.Of(
        $"SELECT COUNT(*) {From} {SqliteWhere}", $"SELECT COUNT(*) {From} {PostgresWhere}");

    private static readonly Dictionary<(UserOrder, bool), Statement> Lists = Enum.GetValues<UserOrder>()
        .SelectMany(static order => new[] { (order, false), (order, true) })
        .ToDictionary(static key => key, static key => List(key.order, key.Item2));

    /// <summary>A page of the users.</summary>
    public ValueTask<IReadOnlyList<ListedUser>> ListAsync(
        UserQuery query, long skip, int limit, CancellationToken stop) => reads.ListAsync(
            Lists[(query.Order, query.IsReversed)],
            (query, skip, limit),
            static (a, q) => Bind(a, q.query).Int(q.skip).Int(q.limit),
            static row => new ListedUser(
                row.Text(0),
                row.Int64(1) == (int)UserKind.Guest,
                row.Bool(2),
                !row.IsNull(3),
                row.Bool(4),
                row.Int64(5),
                row.BlobOrNull(6),
                row.BlobOrNull(7),
                row.Int64OrNull(8)),
            stop);

    /// <summary>The number of users that the query admits.</summary>
    public ValueTask<long> CountAsync(UserQuery query, CancellationToken stop) => reads.FirstAsync(
        Count, query, static (a, q) => Bind(a, q), static row => row.Int64(0), stop);

    private static IArguments Bind(IArguments a, UserQuery query) => a
        .TextOrNull(query.Name?.ToLowerInvariant()).TextOrNull(query.UserId?.ToLowerInvariant())
        .IntOrNull(Number(query.IsGuest)).IntOrNull(Number(query.IsAdmin)).IntOrNull(Number(query.IsDeactivated));

    private static long? Number(bool? flag) => flag is { } value ? (value ? 1 : 0) : null;

    private static string Where(string nameInId, string nameInProfile, string idInId) => $"""
        WHERE (CAST($1 AS TEXT) IS NULL OR {nameInId} OR {nameInProfile})
            AND (CAST($2 AS TEXT) IS NULL OR {idInId})
            AND (CAST($3 AS BIGINT) IS NULL OR (CASE WHEN u.kind = 1 THEN 1 ELSE 0 END) = $3)
            AND (CAST($4 AS BIGINT) IS NULL OR u.is_admin = $4)
            AND (CAST($5 AS BIGINT) IS NULL OR (CASE WHEN u.deactivated_at IS NULL THEN 0 ELSE 1 END) = $5)
        """;

    private static Statement List(UserOrder order, bool isReversed)
    {
        const string LastSeen = "(SELECT MAX(d.last_seen_at) FROM devices d WHERE d.user_id = u.user_id)";
        var column = order switch
        {
            UserOrder.IsGuest => "CASE WHEN u.kind = 1 THEN 1 ELSE 0 END",
            UserOrder.Admin => "u.is_admin",
            UserOrder.Deactivated => "CASE WHEN u.deactivated_at IS NULL THEN 0 ELSE 1 END",
            UserOrder.DisplayName => "n.value",
            UserOrder.AvatarUrl => "v.value",
            UserOrder.CreatedAt => "u.created_at",
            UserOrder.LastSeenAt => LastSeen,
            _ => "u.user_id",
        };
        var (direction, nulls) = isReversed ? ("DESC", "NULLS LAST") : ("ASC", "NULLS FIRST");
        var ordered = order == UserOrder.Name
            ? $"u.user_id {direction}"
            : $"{column} {direction} {nulls}, u.user_id";
        return Statement.Of(Text(SqliteWhere), Text(PostgresWhere));

        string Text(string where) => $"""
            SELECT u.user_id, u.kind, u.is_admin, u.deactivated_at, u.erased, u.created_at, n.value, v.value, {LastSeen}
            {From}
            LEFT JOIN profiles v ON v.user_id = u.user_id AND v.field = 'avatar_url'
            {where}
            ORDER BY {ordered} LIMIT $7 OFFSET $6
            """;
    }
}

/// <summary>The order of a list of users; the user id decides between equals.</summary>
public enum UserOrder
{
    /// <summary>By user id.</summary>
    Name,

    /// <summary>Guests last.</summary>
    IsGuest,

    /// <summary>Administrators last.</summary>
    Admin,

    /// <summary>Deactivated users last.</summary>
    Deactivated,

    /// <summary>By display name.</summary>
    DisplayName,

    /// <summary>By the avatar's URI.</summary>
    AvatarUrl,

    /// <summary>By the time of registration.</summary>
    CreatedAt,

    /// <summary>By the time a device was seen last.</summary>
    LastSeenAt,
}

/// <summary>Which users are listed. A null admits all.</summary>
public sealed record UserQuery
{
    /// <summary>Part of the local part of the user id, or of the display name, in any case.</summary>
    public string? Name { get; init; }

    /// <summary>Part of the user id, in any case.</summary>
    public string? UserId { get; init; }

    /// <summary>Whether guests, or all others, are listed.</summary>
    public bool? IsGuest { get; init; }

    /// <summary>Whether administrators, or all others, are listed.</summary>
    public bool? IsAdmin { get; init; }

    /// <summary>Whether deactivated users, or all others, are listed.</summary>
    public bool? IsDeactivated { get; init; }

    /// <summary>The order.</summary>
    public UserOrder Order { get; init; }

    /// <summary>Whether the order is reversed.</summary>
    public bool IsReversed { get; init; }
}

/// <summary>A user in a list.</summary>
/// <param name="DisplayName">The display name as JSON; null for none.</param>
/// <param name="AvatarUrl">The avatar's URI as JSON; null for none.</param>
/// <param name="LastSeenAt">Milliseconds since the epoch; null if no device was seen.</param>
public sealed record ListedUser(
    string UserId,
    bool IsGuest,
    bool IsAdmin,
    bool IsDeactivated,
    bool IsErased,
    long CreatedAt,
    ReadOnlyMemory<byte>? DisplayName,
    ReadOnlyMemory<byte>? AvatarUrl,
    long? LastSeenAt);
