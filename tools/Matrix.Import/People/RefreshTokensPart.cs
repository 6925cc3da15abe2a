using System.Globalization;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Sessions;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>
/// Refresh tokens. One that was used stays good until a token of the next pair is used: so it is here. A session that
/// has an end keeps it, however often it is refreshed.
/// </summary>
internal sealed class RefreshTokensPart : PeoplePart
{
    private const string Kind = "refresh tokens";

    /// <inheritdoc/>
    public override string Name => "refresh-tokens";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["refresh_tokens"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var rows = context.Source.RowsAsync(
            $"""
            SELECT r.id, r.user_id, r.device_id, r.token, r.expiry_ts, r.ultimate_session_expiry_ts, u.name,
                CASE WHEN {TokenPairs.IsUnconfirmed} THEN 1 ELSE 0 END,
                CASE WHEN n.next_token_id IS NOT NULL OR nextused.refresh_token_id IS NOT NULL THEN 1 ELSE 0 END,
                CASE WHEN d.device_id IS NULL THEN 0 ELSE 1 END
            FROM refresh_tokens r LEFT JOIN users u ON u.name = r.user_id
                LEFT JOIN devices d ON d.user_id = r.user_id AND d.device_id = r.device_id {TokenPairs.Joins}
                LEFT JOIN refresh_tokens n ON n.id = r.next_token_id
                LEFT JOIN ({TokenPairs.Used}) nextused ON nextused.refresh_token_id = n.id
            WHERE r.id > $1 ORDER BY r.id
            """,
            stop,
            long.TryParse(progress.Reached, out var after) ? after : long.MinValue);
        await foreach (var row in rows)
        {
            if (row.Bool(8)) progress.Read("refresh tokens that were used up");
            else
            {
                progress.Read(Kind);
                Carry(row, progress);
            }

            await progress.SaveAsync(row.Int64(0).ToString(CultureInfo.InvariantCulture), stop);
        }
    }

    private static void Carry(ISourceRow row, PartProgress progress)
    {
        var (userId, deviceId) = (row.Text(1), row.Text(2));
        if (row.IsNull(6) || deviceId.Length == 0)
        {
            progress.LeaveOut(Kind, userId, row.IsNull(6) ? NoAccount : "It belongs to no device.");
            return;
        }

        if (ImportedTokens.HashOf(row.Text(3)) is not { } hash)
        {
            progress.LeaveOut(Kind, userId, "It is too long.");
            return;
        }

        if (!row.Bool(9)) progress.Add(new DeviceAdded(userId, deviceId, null), First);
        var isUnconfirmed = row.Bool(7);
        progress.Add(
            new TokenImported(
                userId, deviceId, hash, TokenKind.Refresh, Earlier(row.Int64OrNull(4), row.Int64OrNull(5)),
                isUnconfirmed ? 2 : 1, !isUnconfirmed, SessionEndsAt: row.Int64OrNull(5)),
            First);
        progress.Written(Kind);
    }

    private static long? Earlier(long? one, long? other) =>
        one is null ? other : other is null ? one : Math.Min(one.Value, other.Value);
}
