using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Storage.Tables.OAuth;

/// <summary>
/// Clients, codes and sessions of the OAuth 2.0 API. A client takes some 500 bytes and at most its metadata's bound, a
/// code or session some 400. The changes bound clients and codes; a session ends with its device.
/// </summary>
public sealed class OAuthTable(IReads reads)
{
    private const string CodeColumns =
        "hash, expires_at, client_id, user_id, device_id, scope, redirect_uri, challenge";

    private const string DeviceCodeColumns =
        "hash, user_code, expires_at, decision, client_id, device_id, scope, user_id";

    private const string SessionColumns = "user_id, device_id, client_id, session, made_by, scope";

    private static readonly Statement Client = Statement.Of("SELECT metadata FROM oauth_clients WHERE client_id = $1");
    private static readonly Statement Code = Statement.Of($"SELECT {CodeColumns} FROM oauth_codes WHERE hash = $1");

    private static readonly Statement DeviceCode = Statement.Of(
        $"SELECT {DeviceCodeColumns} FROM oauth_device_codes WHERE hash = $1");

    private static readonly Statement UserCode = Statement.Of(
        $"SELECT {DeviceCodeColumns} FROM oauth_device_codes WHERE user_code = $1");

    private static readonly Statement Session = Statement.Of(
        $"SELECT {SessionColumns} FROM oauth_sessions WHERE session = $1");

    private static readonly Statement SessionMadeBy = Statement.Of(
        $"SELECT {SessionColumns} FROM oauth_sessions WHERE made_by = $1");

    private static readonly Statement Sessions = Statement.Of(
        $"SELECT {SessionColumns} FROM oauth_sessions WHERE user_id = $1 ORDER BY device_id");

    /// <summary>The stored metadata of a client; null if it is unknown.</summary>
    public ValueTask<ReadOnlyMemory<byte>?> FindClientAsync(string clientId, CancellationToken stop) =>
        reads.FirstAsync(
            Client, clientId, static (a, id) => a.Text(id), static row => (ReadOnlyMemory<byte>?)row.Blob(0), stop);

    /// <summary>The authorization code with this hash, even if expired; null if there is none.</summary>
    public ValueTask<OAuthCodeRow?> FindCodeAsync(ReadOnlyMemory<byte> hash, CancellationToken stop) =>
        reads.FirstAsync(
            Code,
            hash,
            static (a, hash) => a.Blob(hash),
            static row => (OAuthCodeRow?)new OAuthCodeRow(
                row.Blob(0), row.Int64(1), row.Text(2), row.Text(3), row.Text(4), row.Text(5), row.Text(6),
                row.Text(7)),
            stop);

    /// <summary>The device code with this hash, even if expired; null if there is none.</summary>
    public ValueTask<OAuthDeviceCodeRow?> FindDeviceCodeAsync(ReadOnlyMemory<byte> hash, CancellationToken stop) =>
        reads.FirstAsync(DeviceCode, hash, static (a, hash) => a.Blob(hash), DeviceCodeOf, stop);

    /// <summary>The device code by the hash of its user code, even if expired; null if there is none.</summary>
    public ValueTask<OAuthDeviceCodeRow?> FindUserCodeAsync(ReadOnlyMemory<byte> userCode, CancellationToken stop) =>
        reads.FirstAsync(UserCode, userCode, static (a, hash) => a.Blob(hash), DeviceCodeOf, stop);

    /// <summary>The session whose refresh tokens have the part with this hash; null if there is none.</summary>
    public ValueTask<OAuthSessionRow?> FindSessionAsync(ReadOnlyMemory<byte> session, CancellationToken stop) =>
        reads.FirstAsync(Session, session, static (a, hash) => a.Blob(hash), SessionOrNullOf, stop);

    /// <summary>The session that came from the code with this hash; null if there is none.</summary>
    public ValueTask<OAuthSessionRow?> FindSessionMadeByAsync(ReadOnlyMemory<byte> code, CancellationToken stop) =>
        reads.FirstAsync(SessionMadeBy, code, static (a, hash) => a.Blob(hash), SessionOrNullOf, stop);

    /// <summary>The sessions of a user.</summary>
    public ValueTask<IReadOnlyList<OAuthSessionRow>> SessionsAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(Sessions, userId, static (a, id) => a.Text(id), SessionOf, stop);

    private static OAuthDeviceCodeRow? DeviceCodeOf(IRow row) => new(
        row.Blob(0), row.Blob(1), row.Int64(2), (OAuthDecision)row.Int64(3), row.Text(4), row.Text(5), row.Text(6),
        row.TextOrNull(7));

    private static OAuthSessionRow? SessionOrNullOf(IRow row) => SessionOf(row);

    private static OAuthSessionRow SessionOf(IRow row) => new(
        row.Text(0), row.Text(1), row.Text(2), row.Blob(3), row.Blob(4), row.Text(5));
}

/// <summary>How changes of OAuth are stored.</summary>
internal static class OAuthHandlers
{
    private const string WithoutUse = """
        NOT EXISTS (SELECT 1 FROM oauth_sessions s WHERE s.client_id = oauth_clients.client_id)
            AND NOT EXISTS (SELECT 1 FROM oauth_codes c WHERE c.client_id = oauth_clients.client_id)
            AND NOT EXISTS (SELECT 1 FROM oauth_device_codes d WHERE d.client_id = oauth_clients.client_id)
        """;

    // $2 is the bound less one: the client that comes needs a place.
    private static readonly Statement MakePlace = Statement.Of($"""
        DELETE FROM oauth_clients WHERE client_id IN (
            SELECT client_id FROM oauth_clients WHERE client_id <> $1 AND {WithoutUse}
            ORDER BY used_at, client_id LIMIT (
                SELECT CASE WHEN COUNT(*) > $2 THEN COUNT(*) - $2 ELSE 0 END FROM oauth_clients WHERE client_id <> $1))
        """);

    private static readonly Statement InsertClient = Statement.Of("""
        INSERT INTO oauth_clients (client_id, used_at, metadata)
        SELECT $1, $2, $3 WHERE (SELECT COUNT(*) FROM oauth_clients WHERE client_id <> $1) < $4
        ON CONFLICT (client_id) DO UPDATE SET used_at = excluded.used_at
        """);

    private static readonly Statement InsertCode = Statement.Of("""
        INSERT INTO oauth_codes (hash, expires_at, client_id, user_id, device_id, scope, redirect_uri, challenge)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """);

    private static readonly Statement KeepNewestCodes = Statement.Of("""
        DELETE FROM oauth_codes WHERE user_id = $1 AND hash NOT IN (
            SELECT hash FROM oauth_codes WHERE user_id = $1 ORDER BY expires_at DESC, hash LIMIT $2)
        """);

    private static readonly Statement UseCode = Statement.Of(
        "DELETE FROM oauth_codes WHERE hash = $1 AND expires_at > $2");

    private static readonly Statement InsertDeviceCode = Statement.Of("""
        INSERT INTO oauth_device_codes (hash, user_code, expires_at, decision, client_id, device_id, scope, address)
        SELECT $1, $2, $3, 0, $4, $5, $6, $8
        WHERE (SELECT COUNT(*) FROM oauth_device_codes) < $7
            AND (SELECT COUNT(*) FROM oauth_device_codes WHERE address = $8 AND expires_at > $10) < $9
        ON CONFLICT (user_code) DO NOTHING
        """);

    private static readonly Statement Decide = Statement.Of("""
        UPDATE oauth_device_codes SET decision = $2, user_id = $3
        WHERE user_code = $1 AND decision = 0 AND expires_at > $4
        """);

    private static readonly Statement UseDeviceCode = Statement.Of(
        "DELETE FROM oauth_device_codes WHERE hash = $1 AND decision = 1 AND expires_at > $2");

    private static readonly Statement InsertSession = Statement.Of("""
        INSERT INTO oauth_sessions (user_id, device_id, client_id, session, made_by, scope)
        VALUES ($1, $2, $3, $4, $5, $6)
        """);

    private static readonly Statement SameSession = Statement.Of(
        "SELECT user_id FROM oauth_sessions WHERE user_id = $1 AND device_id = $2 AND session = $3");

    private static readonly Statement EndSession = Statement.Of(
        "DELETE FROM oauth_sessions WHERE user_id = $1 AND device_id = $2");

    private static readonly Statement EndOtherSessions = Statement.Of(
        "DELETE FROM oauth_sessions WHERE user_id = $1 AND device_id <> $2");

    private static readonly Statement DropCodesOfUser = Statement.Of("DELETE FROM oauth_codes WHERE user_id = $1");

    private static readonly Statement DropDeviceCodesOfUser = Statement.Of(
        "DELETE FROM oauth_device_codes WHERE user_id = $1");

    private static readonly Statement PurgeCodes = Statement.Of("DELETE FROM oauth_codes WHERE expires_at < $1");

    private static readonly Statement PurgeDeviceCodes = Statement.Of(
        "DELETE FROM oauth_device_codes WHERE expires_at < $1");

    private static readonly Statement PurgeClients = Statement.Of(
        $"DELETE FROM oauth_clients WHERE used_at < $1 AND {WithoutUse}");

    internal static void Register(WriteHandlers handlers) => handlers
        .On<OAuthClientRegistered>(static (op, writes) =>
        {
            writes.Run(MakePlace, op, static (a, op) => a.Text(op.ClientId).Int(op.Most - 1));
            writes.RunIf(InsertClient, op, static (a, op) => a
                .Text(op.ClientId).Now().Blob(op.Metadata).Int(op.Most));
        })
        .On<OAuthCodeIssued>(static (op, writes) =>
        {
            writes.Run(InsertCode, op.Row, static (a, row) => a
                .Blob(row.Hash).Int(row.ExpiresAt).Text(row.ClientId).Text(row.UserId).Text(row.DeviceId)
                .Text(row.Scope).Text(row.RedirectUri).Text(row.Challenge));
            writes.Run(KeepNewestCodes, op, static (a, op) => a.Text(op.Row.UserId).Int(op.MostOfUser));
        })
        .OnCondition<OAuthCodeRedeemed>(UseCode, static (a, op) => a.Blob(op.Hash).Now())
        .OnCondition<OAuthDeviceCodeIssued>(InsertDeviceCode, static (a, op) => a
            .Blob(op.Row.Hash).Blob(op.Row.UserCode).Int(op.Row.ExpiresAt).Text(op.Row.ClientId).Text(op.Row.DeviceId)
            .Text(op.Row.Scope).Int(op.Most).Text(op.Address).Int(op.MostOfAddress).Now())
        .OnCondition<OAuthDeviceCodeDecided>(Decide, static (a, op) => a
            .Blob(op.UserCode).Int((int)op.Decision).Text(op.UserId).Now())
        .OnCondition<OAuthDeviceCodeRedeemed>(UseDeviceCode, static (a, op) => a.Blob(op.Hash).Now())
        .On<OAuthSessionBegun>(InsertSession, static (a, op) => a
            .Text(op.Row.UserId).Text(op.Row.DeviceId).Text(op.Row.ClientId).Blob(op.Row.Session).Blob(op.Row.MadeBy)
            .Text(op.Row.Scope))
        .OnCondition<OAuthSessionIs>(
            SameSession,
            static (a, op) => a.Text(op.Row.UserId).Text(op.Row.DeviceId).Blob(op.Row.Session),
            static (_, _) => true)
        .On<TokensIssued>(EndSession, static (a, op) => a.Text(op.UserId).Text(op.DeviceId))
        .On<DeviceDeleted>(static (op, writes) =>
            writes.Run(EndSession, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId)))
        .On<OtherDevicesDeleted>(static (op, writes) =>
        {
            writes.Run(EndOtherSessions, op, static (a, op) => a.Text(op.UserId).Text(op.Except ?? ""));
            writes.Run(DropCodesOfUser, op, static (a, op) => a.Text(op.UserId));
            writes.Run(DropDeviceCodesOfUser, op, static (a, op) => a.Text(op.UserId));
        })
        .On<PasswordChanged>(static (op, writes) =>
        {
            // What was allowed with the old password does not outlive it.
            writes.Run(DropCodesOfUser, op, static (a, op) => a.Text(op.UserId));
            writes.Run(DropDeviceCodesOfUser, op, static (a, op) => a.Text(op.UserId));
        })
        .On<OAuthLeftoversPurged>(static (op, writes) =>
        {
            writes.Run(PurgeCodes, op, static (a, op) => a.Int(op.ExpiredBefore));
            writes.Run(PurgeDeviceCodes, op, static (a, op) => a.Int(op.ExpiredBefore));
            writes.Run(PurgeClients, op, static (a, op) => a.Int(op.UnusedSince));
        });
}
