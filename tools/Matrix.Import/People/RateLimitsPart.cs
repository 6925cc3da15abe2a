using Matrix.Host.Storage.Tables.RateLimits;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>The limits of single users. Synapse and this server alike understand 0 as no limit.</summary>
internal sealed class RateLimitsPart : PeoplePart
{
    private const string Kind = "rate limits of users";

    /// <inheritdoc/>
    public override string Name => "rate-limits";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["ratelimit_override"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var rows = context.Source.RowsAsync(
            """
            SELECT r.user_id, r.messages_per_second, r.burst_count, u.name
            FROM ratelimit_override r LEFT JOIN users u ON u.name = r.user_id
            WHERE r.user_id > $1 ORDER BY r.user_id
            """,
            stop,
            progress.Reached ?? "");
        await foreach (var row in rows)
        {
            var userId = row.Text(0);
            progress.Read(Kind);
            if (row.IsNull(3)) progress.LeaveOut(Kind, userId, NoAccount);
            else
            {
                progress.Add(new RateLimitSet(new UserRateLimit(userId, row.Int32(1), row.Int32(2))));
                progress.Written(Kind);
            }

            await progress.SaveAsync(userId, stop);
        }
    }
}
