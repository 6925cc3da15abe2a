using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.ToDevice;

namespace Matrix.Host.Storage.Tables.Accounts;

internal sealed class AccountsTable(IReads reads) : IAccountsTable
{
    private const string UserColumns =
        "user_id, kind, password_hash, is_admin, created_at, deactivated_at, erased, locked, suspended";

    private const string DeviceColumns =
        "user_id, device_id, display_name, created_at, last_seen_at, last_seen_ip, last_user_agent";

    private const string TokenColumns = "token, uses_allowed, completed, expires_at, makes_admin";

    private static readonly Statement Existing = Statement.ByKeys("SELECT user_id FROM users WHERE user_id = KEY");
    private static readonly Statement User = Statement.Of($"SELECT {UserColumns} FROM users WHERE user_id = $1");
    private static readonly Statement Users = Statement.Of(
        $"SELECT {UserColumns} FROM users WHERE user_id > $1 ORDER BY user_id LIMIT $2");
    private static readonly Statement Erased = Statement.Of($"""
        SELECT {UserColumns} FROM users WHERE erased = 1 AND user_id > $1 ORDER BY user_id LIMIT $2
        """);

    private static readonly Statement Departures = Statement.Of(
        "SELECT user_id FROM departures WHERE user_id > $1 ORDER BY user_id LIMIT $2");

    // The condition and the text are those of the index users_imported.
    private static readonly Statement ImportedPasswords = Statement.Of("""
        SELECT SUBSTR(password_hash, 13, 2), COUNT(*) FROM users WHERE SUBSTR(password_hash, 2, 7) = 'synapse'
        GROUP BY SUBSTR(password_hash, 13, 2) ORDER BY 1 LIMIT 100
        """);

    private static readonly Statement AnyUser = Statement.Of("SELECT 1 FROM users WHERE kind = 0 LIMIT 1");

    private static readonly Statement Token = Statement.Of("""
        SELECT t.kind, t.user_id, t.device_id, t.expires_at, t.generation, t.confirmed, u.kind, u.is_admin,
            u.deactivated_at, u.locked, u.suspended, o.client_id, o.scope, t.session, t.by_service,
            t.issued_by
        FROM tokens t JOIN users u ON u.user_id = t.user_id
            LEFT JOIN oauth_sessions o ON o.user_id = t.user_id AND o.device_id = t.device_id
        WHERE t.hash = $1
        """);

    private static readonly Statement Session = Statement.Of("""
        SELECT 1 FROM tokens WHERE user_id = $1 AND device_id = $2 AND session = $3
            AND (expires_at IS NULL OR expires_at > $4) LIMIT 1
        """);

    private static readonly Statement Device = Statement.Of(
        $"SELECT {DeviceColumns} FROM devices WHERE user_id = $1 AND device_id = $2");

    private static readonly Statement Devices = Statement.Of($"""
        SELECT {DeviceColumns} FROM devices WHERE user_id = $1 ORDER BY device_id
        """);

    private static readonly Statement LoginToken = Statement.Of(
        "SELECT user_id FROM login_tokens WHERE hash = $1 AND expires_at > $2");

    // The first user's token is used up by any first user, however that user was created.
    private static readonly Statement RegistrationToken = Statement.Of($"""
        SELECT {TokenColumns} FROM registration_tokens WHERE token = $1 AND (makes_admin = 0
            OR NOT EXISTS (SELECT 1 FROM users WHERE kind = 0))
        """);

    private static readonly Statement RegistrationTokens = Statement.Of($"""
        SELECT {TokenColumns} FROM registration_tokens WHERE makes_admin = 0 OR NOT EXISTS (SELECT 1
            FROM users WHERE kind = 0) ORDER BY token
        """);

    public ValueTask<UserRow?> FindUserAsync(string userId, CancellationToken stop) =>
        reads.FirstAsync(User, userId, static (a, id) => a.Text(id), UserOf, stop);

    public ValueTask<IReadOnlyList<string>> ExistingAsync(
        IReadOnlyCollection<string> userIds, CancellationToken stop) =>
        reads.ByKeysAsync(Existing, userIds, By.Text, static row => row.Text(0), stop);

    public ValueTask<IReadOnlyList<UserRow>> ListUsersAsync(string afterUser, int limit, CancellationToken stop) =>
        reads.ListAsync(Users, (afterUser, limit), static (a, q) => a.Text(q.afterUser).Int(q.limit), UserOf, stop);

    public ValueTask<IReadOnlyList<UserRow>> ListErasedAsync(string afterUser, int limit, CancellationToken stop) =>
        reads.ListAsync(Erased, (afterUser, limit), static (a, q) => a.Text(q.afterUser).Int(q.limit), UserOf, stop);

    public ValueTask<IReadOnlyList<string>> ListDeparturesAsync(string afterUser, int limit, CancellationToken stop) =>
        reads.ListAsync(
            Departures, (afterUser, limit), static (a, q) => a.Text(q.afterUser).Int(q.limit),
            static row => row.Text(0), stop);

    public async ValueTask<bool> AnyUserAsync(CancellationToken stop) =>
        await reads.FirstAsync(AnyUser, static _ => true, stop);

    public ValueTask<IReadOnlyList<ImportedPasswordsRow>> ImportedPasswordsAsync(CancellationToken stop) =>
        reads.ListAsync(
            ImportedPasswords, static row => new ImportedPasswordsRow(row.Text(0), row.Int64(1)), stop);

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
            !row.IsNull(8),
            row.Bool(9),
            row.Bool(10),
            row.TextOrNull(11),
            row.TextOrNull(12))
        {
            Session = row.Int64(13),
            ByService = row.Int64OrNull(14) is { } byService ? byService != 0 : null,
            IsOwn = row.IsNull(15),
        },
        stop);

    public async ValueTask<bool> HasSessionAsync(
        string userId, string deviceId, long session, long now, CancellationToken stop) =>
        await reads.FirstAsync(
            Session,
            (userId, deviceId, session, now),
            static (a, q) => a.Text(q.userId).Text(q.deviceId).Int(q.session).Int(q.now),
            static _ => true,
            stop);

    public ValueTask<DeviceRow?> FindDeviceAsync(string userId, string deviceId, CancellationToken stop) =>
        reads.FirstAsync(
            Device, (userId, deviceId), static (a, q) => a.Text(q.userId).Text(q.deviceId), DeviceOf, stop);

    public ValueTask<IReadOnlyList<DeviceRow>> DevicesAsync(string userId, CancellationToken stop) =>
        reads.ListAsync(Devices, userId, static (a, id) => a.Text(id), DeviceOf, stop);

    public ValueTask<string?> FindLoginTokenAsync(ReadOnlyMemory<byte> hash, long now, CancellationToken stop) =>
        reads.FirstAsync(
            LoginToken, (hash, now), static (a, q) => a.Blob(q.hash).Int(q.now), static row => row.Text(0), stop);

    public ValueTask<RegistrationTokenRow?> FindRegistrationTokenAsync(string token, CancellationToken stop) =>
        reads.FirstAsync(RegistrationToken, token, static (a, token) => a.Text(token), RegistrationTokenOf, stop);

    public ValueTask<IReadOnlyList<RegistrationTokenRow>> RegistrationTokensAsync(CancellationToken stop) =>
        reads.ListAsync(RegistrationTokens, RegistrationTokenOf, stop);

    private static UserRow UserOf(IRow row) => new(
        row.Text(0), (UserKind)row.Int64(1), row.TextOrNull(2), row.Bool(3), row.Int64(4), row.Int64OrNull(5),
        row.Bool(6), row.Bool(7), row.Bool(8));

    private static DeviceRow DeviceOf(IRow row) => new(
        row.Text(0), row.Text(1), row.TextOrNull(2), row.Int64(3), row.Int64OrNull(4), row.TextOrNull(5),
        row.TextOrNull(6));

    private static RegistrationTokenRow RegistrationTokenOf(IRow row) => new(
        row.Text(0), (int?)row.Int64OrNull(1), row.Int32(2), row.Int64OrNull(3), row.Bool(4));
}

/// <summary>How changes of users, registration tokens and login tokens are stored.</summary>
internal static class UserHandlers
{
    private static readonly Statement InsertUser = Statement.Of("""
        INSERT INTO users (user_id, kind, password_hash, is_admin, created_at, deactivated_at, erased)
            VALUES ($1, $2, $3, $4, $5, NULL, 0)
        ON CONFLICT (user_id) DO NOTHING
        """);

    private static readonly Statement UpdatePassword = Statement.Of("""
        UPDATE users SET password_hash = $2 WHERE user_id = $1 AND deactivated_at IS NULL
        """);

    private static readonly Statement SamePassword = Statement.Of("""
        SELECT user_id FROM users WHERE user_id = $1 AND password_hash = $2 AND deactivated_at IS NULL
        """);

    private static readonly Statement Active = Statement.Of(
        "SELECT user_id FROM users WHERE user_id = $1 AND deactivated_at IS NULL");

    private static readonly Statement UpdateAdmin = Statement.Of("UPDATE users SET is_admin = $2 WHERE user_id = $1");

    private static readonly Statement Deactivate = Statement.Of("""
        UPDATE users SET deactivated_at = $2, erased = $3, password_hash = NULL WHERE user_id = $1
            AND deactivated_at IS NULL
        """);

    private static readonly Statement BeginDeparture = Statement.Of("""
        INSERT INTO departures (user_id, since) SELECT user_id, deactivated_at FROM users WHERE user_id = $1
            AND deactivated_at IS NOT NULL
        ON CONFLICT (user_id) DO NOTHING
        """);

    private static readonly Statement FinishDeparture = Statement.Of("DELETE FROM departures WHERE user_id = $1");

    private static readonly Statement UpsertRegistrationToken = Statement.Of("""
        INSERT INTO registration_tokens (token, uses_allowed, completed, expires_at, makes_admin)
            VALUES ($1, $2, 0, $3, $4)
        ON CONFLICT (token) DO UPDATE
        SET uses_allowed = excluded.uses_allowed, expires_at = excluded.expires_at, makes_admin = excluded.makes_admin
        """);

    private static readonly Statement RemoveRegistrationToken = Statement.Of(
        "DELETE FROM registration_tokens WHERE token = $1");

    private static readonly Statement UseRegistrationToken = Statement.Of("""
        UPDATE registration_tokens SET completed = completed + 1
        WHERE token = $1 AND (makes_admin = 0 OR NOT EXISTS (SELECT 1 FROM users WHERE kind = 0))
            AND (uses_allowed IS NULL OR completed < uses_allowed) AND (expires_at IS NULL OR expires_at > $2)
        """);

    private static readonly Statement InsertLoginToken = Statement.Of("""
        INSERT INTO login_tokens (hash, user_id, expires_at) VALUES ($1, $2, $3)
        """);

    private static readonly Statement UseLoginToken = Statement.Of("""
        DELETE FROM login_tokens WHERE hash = $1 AND expires_at > $2 RETURNING user_id
        """);

    private static readonly Statement DeleteLoginTokens = Statement.Of("DELETE FROM login_tokens WHERE user_id = $1");

    public static void Register(WriteHandlers handlers) => handlers
        .OnCondition<UserCreated>(InsertUser, static (a, op) => a
            .Text(op.UserId).Int((int)op.Kind).TextOrNull(op.PasswordHash).Bool(op.IsAdmin).Now())
        .OnCondition<PasswordChanged>(UpdatePassword, static (a, op) => a.Text(op.UserId).TextOrNull(op.PasswordHash))
        .OnCondition<PasswordIs>(
            SamePassword, static (a, op) => a.Text(op.UserId).Text(op.PasswordHash), static (_, _) => true)
        .OnCondition<UserIsActive>(Active, static (a, op) => a.Text(op.UserId), static (_, _) => true)
        .OnCondition<AdminChanged>(UpdateAdmin, static (a, op) => a.Text(op.UserId).Bool(op.IsAdmin))
        .On<UserDeactivated>(static (op, writes) =>
        {
            writes.RunIf(Deactivate, op, static (a, op) => a.Text(op.UserId).Now().Bool(op.Erase));
            writes.Run(BeginDeparture, op, static (a, op) => a.Text(op.UserId));
        })
        .On<DepartureEnded>(FinishDeparture, static (a, op) => a.Text(op.UserId))
        .On<RegistrationTokenIssued>(UpsertRegistrationToken, static (a, op) => a
            .Text(op.Token).IntOrNull(op.UsesAllowed).IntOrNull(op.ExpiresAt).Bool(op.MakesAdmin))
        .OnCondition<RegistrationTokenDeleted>(RemoveRegistrationToken, static (a, op) => a.Text(op.Token))
        .OnCondition<RegistrationTokenRedeemed>(UseRegistrationToken, static (a, op) => a.Text(op.Token).Now())
        .On<LoginTokenIssued>(InsertLoginToken, static (a, op) => a.Blob(op.Hash).Text(op.UserId).Int(op.ExpiresAt))
        .OnCondition<LoginTokenRedeemed>(
            UseLoginToken,
            static (a, op) => a.Blob(op.Hash).Now(),
            static (op, row) =>
            {
                op.UserId = row.Text(0);
                return true;
            })
        .On<PasswordChanged>(DeleteLoginTokens, static (a, op) => a.Text(op.UserId))
        .On<OtherDevicesDeleted>(DeleteLoginTokens, static (a, op) => a.Text(op.UserId));
}

/// <summary>How changes of devices are stored.</summary>
internal static class DeviceHandlers
{
    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO devices (user_id, device_id, created_at, display_name) VALUES ($1, $2, $3, $4)
            ON CONFLICT (user_id, device_id) DO NOTHING
        """);

    private static readonly Statement LogIfNew = Statement.Of("""
        INSERT INTO device_list_changes (user_id, only_for, position)
        SELECT $1, '', $3 WHERE NOT EXISTS (SELECT 1 FROM devices WHERE user_id = $1 AND device_id = $2)
        ON CONFLICT (user_id, only_for) DO UPDATE SET position = excluded.position
        """);

    private static readonly Statement Rename = Statement.Of(
        "UPDATE devices SET display_name = $3 WHERE user_id = $1 AND device_id = $2");

    private static readonly Statement Touch = Statement.Of("""
        UPDATE devices SET last_seen_at = $3, last_seen_ip = $4, last_user_agent = $5
        WHERE user_id = $1 AND device_id = $2
        """);

    private static readonly Statement Delete = Statement.Of(
        "DELETE FROM devices WHERE user_id = $1 AND device_id = $2");

    private static readonly Statement[] DeleteWhatItHad =
    [
        Statement.Of("DELETE FROM tokens WHERE user_id = $1 AND device_id = $2"),
        Statement.Of("DELETE FROM device_keys WHERE user_id = $1 AND device_id = $2"),
        Statement.Of("DELETE FROM one_time_keys WHERE user_id = $1 AND device_id = $2"),
        Statement.Of("DELETE FROM one_time_key_claims WHERE user_id = $1 AND device_id = $2"),
        Statement.Of("DELETE FROM fallback_keys WHERE user_id = $1 AND device_id = $2"),
        Statement.Of("DELETE FROM sliding_connections WHERE user_id = $1 AND device_id = $2"),
        Statement.Of("DELETE FROM key_signatures WHERE target_user = $1 AND target_key = $2"),
    ];

    // No device id is empty, so an empty exception keeps no device.
    private static readonly Statement[] DeleteOthers =
    [
        Statement.Of("DELETE FROM devices WHERE user_id = $1 AND device_id <> $2"),
        Statement.Of("DELETE FROM tokens WHERE user_id = $1 AND device_id <> $2"),
        Statement.Of("DELETE FROM device_keys WHERE user_id = $1 AND device_id <> $2"),
        Statement.Of("DELETE FROM one_time_keys WHERE user_id = $1 AND device_id <> $2"),
        Statement.Of("DELETE FROM one_time_key_claims WHERE user_id = $1 AND device_id <> $2"),
        Statement.Of("DELETE FROM fallback_keys WHERE user_id = $1 AND device_id <> $2"),
        Statement.Of("DELETE FROM sliding_connections WHERE user_id = $1 AND device_id <> $2"),
    ];

    // Signatures on device keys are deleted before the devices; signatures on the master key stay.
    private static readonly Statement DeleteSignaturesOnOthers = Statement.Of("""
        DELETE FROM key_signatures WHERE target_user = $1 AND target_key IN (SELECT device_id FROM devices
            WHERE user_id = $1 AND device_id <> $2)
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<DeviceAdded>(static (op, writes) =>
        {
            writes.Run(LogIfNew, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Position());
            writes.RunIf(
                Insert, op,
                static (a, op) => a.Text(op.UserId).Text(op.DeviceId).Now().TextOrNull(op.InitialDisplayName));
        })
        .OnCondition<DeviceRenamed>(
            Rename, static (a, op) => a.Text(op.UserId).Text(op.DeviceId).TextOrNull(op.DisplayName))
        .On<DeviceSeen>(Touch, static (a, op) => a
            .Text(op.UserId).Text(op.DeviceId).Int(op.SeenAt).Text(op.Ip).TextOrNull(op.UserAgent))
        .On<DeviceDeleted>(static (op, writes) =>
        {
            writes.RunIf(Delete, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId));
            foreach (var statement in DeleteWhatItHad)
            {
                writes.Run(statement, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId));
            }

            ToDeviceTable.DeleteThrough(writes, op.UserId, op.DeviceId, long.MaxValue);
        })
        .On<OtherDevicesDeleted>(static (op, writes) =>
        {
            ToDeviceTable.DeleteOthers(writes, op.UserId, op.Except ?? "");
            writes.Run(DeleteSignaturesOnOthers, op, static (a, op) => a.Text(op.UserId).Text(op.Except ?? ""));
            foreach (var statement in DeleteOthers)
            {
                writes.Run(statement, op, static (a, op) => a.Text(op.UserId).Text(op.Except ?? ""));
            }
        });
}

/// <summary>
/// The life of token pairs. A device's pairs are numbered. A new pair made from a refresh token is unconfirmed until
/// one of its tokens is used, and the pair before it stays valid until then.
/// v1.19 client-server-api#refreshing-access-tokens
/// </summary>
internal static class TokenHandlers
{
    private const string Insert =
        "INSERT INTO tokens (hash, kind, user_id, device_id, expires_at, generation, confirmed, session, by_service)";

    private static readonly Statement EndAll = Statement.Of("DELETE FROM tokens WHERE user_id = $1 AND device_id = $2");
    private static readonly Statement First = Statement.Of($"{Insert} VALUES ($1, $2, $3, $4, $5, 1, 1, $6, $7)");

    // The use of a refresh token confirms its pair. This deletes the earlier pairs, and the unused pairs that were made
    // from it.
    private static readonly Statement EndOthers = Statement.Of("""
        DELETE FROM tokens WHERE hash IN (
            SELECT other.hash FROM tokens old JOIN tokens other
            ON other.user_id = old.user_id AND other.device_id = old.device_id AND other.generation <> old.generation
            WHERE old.hash = $1 AND old.kind = 1 AND (old.expires_at IS NULL OR old.expires_at > $2)
                AND (old.session_ends_at IS NULL OR old.session_ends_at > $2))
        """);

    private static readonly Statement Next = Statement.Of("""
        INSERT INTO tokens (hash, kind, user_id, device_id, expires_at, generation, confirmed, session, by_service,
            session_ends_at)
        SELECT $1, $2, user_id, device_id,
            CASE WHEN session_ends_at IS NULL OR session_ends_at > $3 THEN $3 ELSE session_ends_at END,
            generation + 1, 0, session, by_service, session_ends_at FROM tokens
        WHERE hash = $4 AND kind = 1 AND (expires_at IS NULL OR expires_at > $5)
            AND (session_ends_at IS NULL OR session_ends_at > $5)
        RETURNING user_id, kind, expires_at
        """);

    private static readonly Statement Confirm = Statement.Of("""
        UPDATE tokens SET confirmed = 1 WHERE confirmed = 0 AND generation = (SELECT generation FROM tokens
            WHERE hash = $1)
            AND user_id = (SELECT user_id FROM tokens WHERE hash = $1) AND device_id = (SELECT device_id
                FROM tokens WHERE hash = $1)
        """);

    // By the token that was used: a device that has logged in meanwhile has lower generations that are newer.
    private static readonly Statement EndOlder = Statement.Of("""
        DELETE FROM tokens WHERE hash IN (
            SELECT older.hash FROM tokens used JOIN tokens older
            ON older.user_id = used.user_id AND older.device_id = used.device_id AND older.generation < used.generation
            WHERE used.hash = $1)
        """);

    private static readonly Statement PurgeTokens = Statement.Of("DELETE FROM tokens WHERE expires_at < $1");
    private static readonly Statement PurgeLoginTokens = Statement.Of("DELETE FROM login_tokens WHERE expires_at < $1");

    public static void Register(WriteHandlers handlers) => handlers
        .On<TokensIssued>(static (op, writes) =>
        {
            writes.Run(EndAll, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId));
            writes.Run(First, op, static (a, op) => a
                .Blob(op.AccessHash).Int((int)TokenKind.Access).Text(op.UserId).Text(op.DeviceId)
                .IntOrNull(op.AccessExpiresAt).Position().Bool(op.ByService));
            if (op.RefreshHash is not null)
            {
                writes.Run(First, op, static (a, op) => a
                    .BlobOrNull(op.RefreshHash).Int((int)TokenKind.Refresh).Text(op.UserId).Text(op.DeviceId)
                    .IntOrNull(op.RefreshExpiresAt).Position().Bool(op.ByService));
            }
        })
        .On<TokensRotated>(static (op, writes) =>
        {
            writes.Run(EndOthers, op, static (a, op) => a.Blob(op.OldRefreshHash).Now());
            writes.RunFor(
                Next,
                op,
                static (a, op) => a
                    .Blob(op.NewAccessHash).Int((int)TokenKind.Access).IntOrNull(op.AccessExpiresAt)
                    .Blob(op.OldRefreshHash).Now(),
                Owned);
            writes.RunFor(
                Next,
                op,
                static (a, op) => a
                    .Blob(op.NewRefreshHash).Int((int)TokenKind.Refresh).IntOrNull(op.RefreshExpiresAt)
                    .Blob(op.OldRefreshHash).Now(),
                Owned);
            writes.Run(Confirm, op, static (a, op) => a.Blob(op.OldRefreshHash));
        })
        .On<TokensConfirmed>(static (op, writes) =>
        {
            writes.Run(EndOlder, op, static (a, op) => a.Blob(op.Hash));
            writes.Run(Confirm, op, static (a, op) => a.Blob(op.Hash));
        })
        .On<ExpiredTokensPurged>(static (op, writes) =>
        {
            writes.Run(PurgeTokens, op, static (a, op) => a.Int(op.ExpiredBefore));
            writes.Run(PurgeLoginTokens, op, static (a, op) => a.Int(op.ExpiredBefore));
        });

    private static bool Owned(TokensRotated rotation, IRow row)
    {
        rotation.UserId = row.Text(0);
        if (row.Int32(1) == (int)TokenKind.Access) rotation.AccessEndsAt = row.Int64OrNull(2);
        return true;
    }
}
