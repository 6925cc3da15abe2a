using Matrix.Host.Storage.Commits;
using Npgsql;

namespace Matrix.Host.Storage.Postgres;

/// <summary>Parses `postgres://user:password@host:port/name` into Npgsql's settings.</summary>
internal static class PostgresUrl
{
    private const int DefaultPort = 5432;

    // A statement is prepared on a connection when it runs there for the second time.
    private const int MostPrepared = 300;

    // Every query of a request is written to walk an index in order and stop at its limit. By its own estimates the
    // planner reads a whole table while it has no statistics, or sorts a room to return one page. It would also plan
    // again for each execution, though the plan never differs.
    private const string Planning =
        "-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off -c plan_cache_mode=force_generic_plan";

    public static bool IsPostgres(string url) =>
        url.StartsWith("postgres://", StringComparison.Ordinal)
            || url.StartsWith("postgresql://", StringComparison.Ordinal);

    /// <exception cref="StorageException">The URL does not have this form.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string url, StorageOptions options)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Host.Length == 0 || uri.AbsolutePath.Length < 2)
        {
            throw new StorageException(
                StorageFailure.Refused, "database.url must be postgres://user:password@host:port/name.");
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
