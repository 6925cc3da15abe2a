using Matrix.Host.Storage.Commits;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>`postgres://user:password@host:port/name` as Npgsql's settings.</summary>
internal static class PostgresUrl
{
    private const int DefaultPort = 5432;

    // Each of the table's statements is prepared on a connection when it is used the second time.
    private const int MostPrepared = 300;

    // Every question of a request is meant to walk an index in its order and to stop at its limit. Left to its estimates, the planner reads a whole
    // table as long as it has no statistics, or sorts a room to answer a page of it; and it plans anew what never differs.
    private const string Planning =
        "-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off -c plan_cache_mode=force_generic_plan";

    public static bool IsOne(string url) =>
        url.StartsWith("postgres://", StringComparison.Ordinal) || url.StartsWith("postgresql://", StringComparison.Ordinal);

    /// <exception cref="StorageException">It has not that form.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string url, StorageOptions options)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.AbsolutePath.Length < 2)
        {
            throw new StorageException(StorageFailure.Refused, "database.url must be postgres://user:password@host:port/name.");
        }

        var user = uri.UserInfo.Split(':', 2);
        return new NpgsqlConnectionStringBuilder
        {
            Host = uri.Host.Trim('[', ']'),
            Port = uri.IsDefaultPort || uri.Port < 0 ? DefaultPort : uri.Port,
            Database = Uri.UnescapeDataString(uri.AbsolutePath[1..]),
            Username = Uri.UnescapeDataString(user[0]),
            Password = user.Length > 1 ? Uri.UnescapeDataString(user[1]) : null,
            ApplicationName = "matrix-host",
            MaxAutoPrepare = MostPrepared,
            AutoPrepareMinUsages = 2,
            NoResetOnClose = true,
            Options = Planning,
            IncludeErrorDetail = false,
            MaxPoolSize = Math.Max(1, options.Readers),
        };
    }
}
