using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Storage.Tables.SingleSignOn;

internal sealed class SingleSignOnTable(IReads reads) : ISingleSignOnTable
{
    private const string SessionColumns = "user_id, device_id, issuer, session";

    private static readonly Statement User = Statement.Of(
        "SELECT user_id FROM sso_identities WHERE issuer = $1 AND subject = $2");

    private static readonly Statement Identities = Statement.Of(
        "SELECT issuer, subject, user_id FROM sso_identities WHERE user_id = $1 ORDER BY issuer, subject");

    private static readonly Statement Sessions = Statement.Of($"""
        SELECT {SessionColumns} FROM sso_sessions WHERE issuer = $1 AND session = $2
        ORDER BY user_id, device_id LIMIT $3
        """);

    private static readonly Statement SessionsOfUser = Statement.Of(
        $"SELECT {SessionColumns} FROM sso_sessions WHERE user_id = $1 AND issuer = $2 ORDER BY device_id");

    public ValueTask<string?> FindUserAsync(string issuer, string subject, CancellationToken stop) => reads.FirstAsync(
        User,
        (issuer, subject),
        static (a, key) => a.Text(key.issuer).Text(key.subject),
        static row => (string?)row.Text(0),
        stop);

    public ValueTask<IReadOnlyList<SsoIdentityRow>> IdentitiesAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(
            Identities,
            userId,
            static (a, id) => a.Text(id),
            static row => new SsoIdentityRow(row.Text(0), row.Text(1), row.Text(2)),
            stop);

    public ValueTask<IReadOnlyList<SsoSessionRow>> SessionsAsync(
        string issuer, string session, int limit, CancellationToken stop) => reads.ListAsync(
            Sessions,
            (issuer, session, limit),
            static (a, key) => a.Text(key.issuer).Text(key.session).Int(key.limit),
            SessionOf,
            stop);

    public ValueTask<IReadOnlyList<SsoSessionRow>> SessionsOfUserAsync(
        string userId, string issuer, CancellationToken stop) => reads.ListAsync(
            SessionsOfUser,
            (userId, issuer),
            static (a, key) => a.Text(key.userId).Text(key.issuer),
            SessionOf,
            stop);

    private static SsoSessionRow SessionOf(IRow row) => new(row.Text(0), row.Text(1), row.Text(2), row.Text(3));
}

internal static class SingleSignOnHandlers
{
    private static readonly Statement Link = Statement.Of("""
        INSERT INTO sso_identities (issuer, subject, user_id, linked_at)
        SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM sso_identities WHERE user_id = $3 AND issuer = $1)
        ON CONFLICT (issuer, subject) DO NOTHING
        """);

    private static readonly Statement InsertGrant = Statement.Of(
        "INSERT INTO sso_grants (hash, user_id, issuer, session, expires_at) VALUES ($1, $2, $3, $4, $5)");

    private static readonly Statement BeginByGrant = Statement.Of("""
        INSERT INTO sso_sessions (user_id, device_id, issuer, session)
        SELECT $1, $2, issuer, session FROM sso_grants WHERE hash = $3
        """);

    private static readonly Statement DeleteGrant = Statement.Of("DELETE FROM sso_grants WHERE hash = $1");

    private static readonly Statement[] RevokeOfSession = Revoking("issuer = $1 AND session = $2");
    private static readonly Statement[] RevokeOfUser = Revoking("issuer = $1 AND user_id = $2");
    private static readonly Statement[] RevokeUnnamed = Revoking("issuer = $1 AND user_id = $2 AND session = ''");

    private static readonly Statement Begin = Statement.Of(
        "INSERT INTO sso_sessions (user_id, device_id, issuer, session) VALUES ($1, $2, $3, $4)");

    private static readonly Statement End = Statement.Of(
        "DELETE FROM sso_sessions WHERE user_id = $1 AND device_id = $2");

    private static readonly Statement EndOthers = Statement.Of(
        "DELETE FROM sso_sessions WHERE user_id = $1 AND device_id <> $2");

    private static readonly Statement Purge = Statement.Of("DELETE FROM sso_grants WHERE expires_at < $1");

    public static void Register(WriteHandlers handlers) => handlers
        .OnCondition<SsoIdentityLinked>(Link, static (a, op) => a
            .Text(op.Issuer).Text(op.Subject).Text(op.UserId).Now())
        .On<SsoGrantIssued>(InsertGrant, static (a, op) => a
            .Blob(op.Hash).Text(op.UserId).Text(op.Issuer).Text(op.Session).Int(op.ExpiresAt))
        .On<SsoGrantUsed>(static (op, writes) =>
        {
            writes.Run(BeginByGrant, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Blob(op.Hash));
            writes.Run(DeleteGrant, op, static (a, op) => a.Blob(op.Hash));
        })
        .On<SsoGrantsRevoked>(static (op, writes) =>
        {
            if (op.Session is { } session) Run(RevokeOfSession, session);
            if (op.UserId is { } userId) Run(op.Session is null ? RevokeOfUser : RevokeUnnamed, userId);

            void Run(Statement[] statements, string whose)
            {
                foreach (var statement in statements)
                {
                    writes.Run(statement, (op.Issuer, whose), static (a, key) => a.Text(key.Issuer).Text(key.whose));
                }
            }
        })
        .On<SsoSessionBegun>(Begin, static (a, op) => a
            .Text(op.Row.UserId).Text(op.Row.DeviceId).Text(op.Row.Issuer).Text(op.Row.Session))
        .On<TokensIssued>(End, static (a, op) => a.Text(op.UserId).Text(op.DeviceId))
        .On<DeviceDeleted>(static (op, writes) =>
            writes.Run(End, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId)))
        .On<OtherDevicesDeleted>(EndOthers, static (a, op) => a.Text(op.UserId).Text(op.Except ?? ""))
        .On<SsoGrantsPurged>(Purge, static (a, op) => a.Int(op.ExpiredBefore));

    // The grants come last: the others are found by them.
    private static Statement[] Revoking(string which) =>
    [
        Statement.Of($"DELETE FROM login_tokens WHERE hash IN (SELECT hash FROM sso_grants WHERE {which})"),
        Statement.Of($"DELETE FROM oauth_codes WHERE hash IN (SELECT hash FROM sso_grants WHERE {which})"),
        Statement.Of($"DELETE FROM oauth_device_codes WHERE user_code IN (SELECT hash FROM sso_grants WHERE {which})"),
        Statement.Of($"DELETE FROM sso_grants WHERE {which}"),
    ];
}
