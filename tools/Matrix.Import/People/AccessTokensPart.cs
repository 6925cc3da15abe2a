using System.Globalization;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Sessions;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>
/// Access tokens: each goes on as it is, with its device or without one. The token that came with a refresh token
/// belongs to the pair of that.
/// </summary>
internal sealed class AccessTokensPart : PeoplePart
{
    private const string Kind = "access tokens";

    /// <inheritdoc/>
    public override string Name => "access-tokens";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["access_tokens"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var rows = context.Source.RowsAsync(
            $"""
            SELECT t.id, t.user_id, t.device_id, t.token, t.valid_until_ms, t.puppets_user_id, u.name, a.name,
                CASE WHEN {TokenPairs.IsUnconfirmed} THEN 1 ELSE 0 END,
                CASE WHEN d.device_id IS NULL THEN 0 ELSE 1 END
            FROM access_tokens t LEFT JOIN users u ON u.name = COALESCE(t.puppets_user_id, t.user_id)
                LEFT JOIN users a ON a.name = t.user_id
                LEFT JOIN devices d ON d.user_id = t.user_id AND d.device_id = t.device_id
                LEFT JOIN refresh_tokens r ON r.id = t.refresh_token_id {TokenPairs.Joins}
            WHERE t.id > $1 ORDER BY t.id
            """,
            stop,
            long.TryParse(progress.Reached, out var after) ? after : long.MinValue);
        await foreach (var row in rows)
        {
            progress.Read(Kind);
            if (row.IsNull(6) || row.IsNull(7)) progress.LeaveOut(Kind, row.Text(1), NoAccount);
            else if (ImportedTokens.HashOf(row.Text(3)) is not { } hash)
            {
                progress.LeaveOut(Kind, row.Text(1), "It is too long.");
            }
            else
            {
                Carry(row, hash, progress);
                progress.Written(Kind);
            }

            await progress.SaveAsync(row.Int64(0).ToString(CultureInfo.InvariantCulture), stop);
        }
    }

    private static void Carry(ISourceRow row, ReadOnlyMemory<byte> hash, PartProgress progress)
    {
        // By a token to act as a user, an administrator has no device of the user's.
        var issuedBy = row.IsNull(5) ? null : row.Text(1);
        var (userId, deviceId) = (row.Text(6), issuedBy is null ? row.Text(2) : "");
        if (deviceId.Length > 0 && !row.Bool(9)) progress.Add(new DeviceAdded(userId, deviceId, null), First);
        var isUnconfirmed = row.Bool(8);
        progress.Add(
            new TokenImported(
                userId, deviceId, hash, TokenKind.Access, row.Int64OrNull(4), isUnconfirmed ? 2 : 1, !isUnconfirmed,
                issuedBy),
            First);
    }
}
