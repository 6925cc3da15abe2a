using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>
/// How token pairs follow one another. A device's pairs are numbered; a new pair made from a refresh token is unconfirmed until one of its tokens is
/// used, and the pair before it lives until then. Client-Server API, "Refreshing access tokens".
/// </summary>
internal static class TokenChanges
{
    private const string Insert = "INSERT INTO tokens (hash, kind, user_id, device_id, expires_at, generation, confirmed)";

    private static readonly Statement EndAll = Statement.Of("DELETE FROM tokens WHERE user_id = $1 AND device_id = $2");
    private static readonly Statement First = Statement.Of($"{Insert} VALUES ($1, $2, $3, $4, $5, 1, 1)");

    // Whoever comes with a refresh token has used its pair: what came before that pair ends, and what was made from it and never used.
    private static readonly Statement EndOthers = Statement.Of("""
        DELETE FROM tokens WHERE hash IN (
            SELECT other.hash FROM tokens old JOIN tokens other
            ON other.user_id = old.user_id AND other.device_id = old.device_id AND other.generation <> old.generation
            WHERE old.hash = $1 AND old.kind = 1 AND (old.expires_at IS NULL OR old.expires_at > $2))
        """);

    private static readonly Statement Next = Statement.Of($"""
        {Insert}
        SELECT $1, $2, user_id, device_id, $3, generation + 1, 0 FROM tokens
        WHERE hash = $4 AND kind = 1 AND (expires_at IS NULL OR expires_at > $5) RETURNING user_id
        """);

    private static readonly Statement ConfirmOld = Statement.Of("""
        UPDATE tokens SET confirmed = 1 WHERE confirmed = 0 AND generation = (SELECT generation FROM tokens WHERE hash = $1)
            AND user_id = (SELECT user_id FROM tokens WHERE hash = $1) AND device_id = (SELECT device_id FROM tokens WHERE hash = $1)
        """);

    private static readonly Statement EndOlder = Statement.Of("""
        DELETE FROM tokens WHERE user_id = $1 AND device_id = $2 AND generation < $3
        """);

    private static readonly Statement Confirm = Statement.Of("""
        UPDATE tokens SET confirmed = 1 WHERE user_id = $1 AND device_id = $2 AND generation = $3
        """);

    private static readonly Statement PurgeTokens = Statement.Of("DELETE FROM tokens WHERE expires_at < $1");
    private static readonly Statement PurgeLoginTokens = Statement.Of("DELETE FROM login_tokens WHERE expires_at < $1");

    public static void Register(WriteHandlers handlers) => handlers
        .On<PutTokens>(static (op, writes) =>
        {
            writes.Run(EndAll, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId));
            writes.Run(First, op, static (a, op) => a
                .Blob(op.AccessHash).Int((int)TokenKind.Access).Text(op.UserId).Text(op.DeviceId).IntOrNull(op.AccessExpiresAt));
            if (op.RefreshHash is not null)
            {
                writes.Run(First, op, static (a, op) => a
                    .BlobOrNull(op.RefreshHash).Int((int)TokenKind.Refresh).Text(op.UserId).Text(op.DeviceId).IntOrNull(op.RefreshExpiresAt));
            }
        })
        .On<RotateTokens>(static (op, writes) =>
        {
            writes.Run(EndOthers, op, static (a, op) => a.Blob(op.OldRefreshHash).Now());
            writes.RunFor(
                Next,
                op,
                static (a, op) => a
                    .Blob(op.NewAccessHash).Int((int)TokenKind.Access).IntOrNull(op.AccessExpiresAt).Blob(op.OldRefreshHash).Now(),
                Owned);
            writes.RunFor(
                Next,
                op,
                static (a, op) => a
                    .Blob(op.NewRefreshHash).Int((int)TokenKind.Refresh).IntOrNull(op.RefreshExpiresAt).Blob(op.OldRefreshHash).Now(),
                Owned);
            writes.Run(ConfirmOld, op, static (a, op) => a.Blob(op.OldRefreshHash));
        })
        .On<ConfirmTokens>(static (op, writes) =>
        {
            writes.Run(EndOlder, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Int(op.Generation));
            writes.Run(Confirm, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Int(op.Generation));
        })
        .On<PurgeExpiredTokens>(static (op, writes) =>
        {
            writes.Run(PurgeTokens, op, static (a, op) => a.Int(op.ExpiredBefore));
            writes.Run(PurgeLoginTokens, op, static (a, op) => a.Int(op.ExpiredBefore));
        });

    private static bool Owned(RotateTokens rotation, IRow row)
    {
        rotation.UserId = row.Text(0);
        return true;
    }
}
