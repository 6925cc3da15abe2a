using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Accounts;

internal sealed class AccountsTable(IReads reads) : IAccountsTable
{
    private const string UserColumns = "user_id, kind, password_hash, is_admin, created_at, deactivated_at, erased";
    private const string DeviceColumns = "user_id, device_id, display_name, created_at, last_seen_at, last_seen_ip";
    private const string TokenColumns = "token, uses_allowed, completed, expires_at, makes_admin";

    private static readonly Statement User = Statement.Of($"SELECT {UserColumns} FROM users WHERE user_id = $1");
    private static readonly Statement Users = Statement.Of($"SELECT {UserColumns} FROM users WHERE user_id > $1 ORDER BY user_id LIMIT $2");
    private static readonly Statement Erased = Statement.Of($"""
        SELECT {UserColumns} FROM users WHERE erased = 1 AND user_id > $1 ORDER BY user_id LIMIT $2
        """);

    private static readonly Statement Departures = Statement.Of("SELECT user_id FROM departures WHERE user_id > $1 ORDER BY user_id LIMIT $2");

    private static readonly Statement AnyUser = Statement.Of("SELECT 1 FROM users LIMIT 1");

    private static readonly Statement Token = Statement.Of("""
        SELECT t.kind, t.user_id, t.device_id, t.expires_at, t.generation, t.confirmed, u.kind, u.is_admin, u.deactivated_at
        FROM tokens t JOIN users u ON u.user_id = t.user_id WHERE t.hash = $1
        """);

    private static readonly Statement Device = Statement.Of($"SELECT {DeviceColumns} FROM devices WHERE user_id = $1 AND device_id = $2");

    private static readonly Statement Devices = Statement.Of($"""
        SELECT {DeviceColumns} FROM devices WHERE user_id = $1 ORDER BY device_id
        """);

    private static readonly Statement LoginToken = Statement.Of("SELECT user_id FROM login_tokens WHERE hash = $1 AND expires_at > $2");

    // The first user's token ends with the first user, however that one was made.
    private static readonly Statement RegistrationToken = Statement.Of($"""
        SELECT {TokenColumns} FROM registration_tokens WHERE token = $1 AND (makes_admin = 0 OR NOT EXISTS (SELECT 1 FROM users))
        """);

    private static readonly Statement RegistrationTokens = Statement.Of($"""
        SELECT {TokenColumns} FROM registration_tokens WHERE makes_admin = 0 OR NOT EXISTS (SELECT 1 FROM users) ORDER BY token
        """);

    public ValueTask<UserRow?> FindUserAsync(string userId, CancellationToken stop) =>
        reads.FirstAsync(User, userId, static (a, id) => a.Text(id), UserOf, stop);

    public ValueTask<IReadOnlyList<UserRow>> ListUsersAsync(string afterUser, int limit, CancellationToken stop) =>
        reads.ListAsync(Users, (afterUser, limit), static (a, q) => a.Text(q.afterUser).Int(q.limit), UserOf, stop);

    public ValueTask<IReadOnlyList<UserRow>> ListErasedAsync(string afterUser, int limit, CancellationToken stop) =>
        reads.ListAsync(Erased, (afterUser, limit), static (a, q) => a.Text(q.afterUser).Int(q.limit), UserOf, stop);

    public ValueTask<IReadOnlyList<string>> ListDeparturesAsync(string afterUser, int limit, CancellationToken stop) =>
        reads.ListAsync(Departures, (afterUser, limit), static (a, q) => a.Text(q.afterUser).Int(q.limit), static row => row.Text(0), stop);

    public async ValueTask<bool> AnyUserAsync(CancellationToken stop) => await reads.FirstAsync(AnyUser, static _ => true, stop);

    public ValueTask<TokenRow?> FindTokenAsync(ReadOnlyMemory<byte> hash, CancellationToken stop) => reads.FirstAsync(
        Token,
        hash,
        static (a, hash) => a.Blob(hash),
        static row => new TokenRow(
            (TokenKind)row.Int64(0),
            row.Text(1),
            row.Text(2),
            row.Int64OrNull(3),
            row.Int32(4),
            row.Bool(5),
            (UserKind)row.Int64(6),
            row.Bool(7),
            !row.IsNull(8)),
        stop);

    public ValueTask<DeviceRow?> FindDeviceAsync(string userId, string deviceId, CancellationToken stop) =>
        reads.FirstAsync(Device, (userId, deviceId), static (a, q) => a.Text(q.userId).Text(q.deviceId), DeviceOf, stop);

    public ValueTask<IReadOnlyList<DeviceRow>> DevicesAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(Devices, userId, static (a, id) => a.Text(id), DeviceOf, stop);

    public ValueTask<string?> FindLoginTokenAsync(ReadOnlyMemory<byte> hash, long now, CancellationToken stop) =>
        reads.FirstAsync(LoginToken, (hash, now), static (a, q) => a.Blob(q.hash).Int(q.now), static row => row.Text(0), stop);

    public ValueTask<RegistrationTokenRow?> FindRegistrationTokenAsync(string token, CancellationToken stop) =>
        reads.FirstAsync(RegistrationToken, token, static (a, token) => a.Text(token), RegistrationTokenOf, stop);

    public ValueTask<IReadOnlyList<RegistrationTokenRow>> RegistrationTokensAsync(CancellationToken stop) =>
        reads.ListAsync(RegistrationTokens, RegistrationTokenOf, stop);

    private static UserRow UserOf(IRow row) => new(
        row.Text(0), (UserKind)row.Int64(1), row.TextOrNull(2), row.Bool(3), row.Int64(4), row.Int64OrNull(5), row.Bool(6));

    private static DeviceRow DeviceOf(IRow row) => new(
        row.Text(0), row.Text(1), row.TextOrNull(2), row.Int64(3), row.Int64OrNull(4), row.TextOrNull(5));

    private static RegistrationTokenRow RegistrationTokenOf(IRow row) => new(
        row.Text(0), (int?)row.Int64OrNull(1), row.Int32(2), row.Int64OrNull(3), row.Bool(4));
}
