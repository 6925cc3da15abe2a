using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.RateLimits;

/// <summary>The limit of a user.</summary>
/// <param name="PerSecond">Messages in a second; 0 for no limit.</param>
/// <param name="Burst">Messages at once.</param>
public sealed record UserRateLimit(string UserId, int PerSecond, int Burst);

/// <summary>A user has a limit of their own.</summary>
public sealed record RateLimitSet(UserRateLimit Limit) : Change;

/// <summary>A user has the configured limit again.</summary>
public sealed record RateLimitRemoved(string UserId) : Change;

/// <summary>
/// The limits of single users, instead of the configured ones. A row takes some 100 bytes; only administrators add
/// rows.
/// </summary>
public sealed class RateLimitsTable(IReads reads)
{
    private static readonly Statement All = Statement.Of("SELECT user_id, per_second, burst FROM rate_limits");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO rate_limits (user_id, per_second, burst) VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE SET per_second = excluded.per_second, burst = excluded.burst
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM rate_limits WHERE user_id = $1");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<RateLimitSet>(Put, static (a, op) => a
            .Text(op.Limit.UserId).Int(op.Limit.PerSecond).Int(op.Limit.Burst))
        .On<RateLimitRemoved>(Delete, static (a, op) => a.Text(op.UserId));

    /// <summary>All of them.</summary>
    public ValueTask<IReadOnlyList<UserRateLimit>> AllAsync(CancellationToken stop) => reads.ListAsync(
        All, static row => new UserRateLimit(row.Text(0), row.Int32(1), row.Int32(2)), stop);
}
