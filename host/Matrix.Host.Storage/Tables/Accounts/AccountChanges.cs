using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>How users, registration tokens and login tokens change.</summary>
internal static class AccountChanges
{
    private static readonly Statement InsertUser = Statement.Of("""
        INSERT INTO users (user_id, kind, password_hash, is_admin, created_at, deactivated_at, erased) VALUES ($1, $2, $3, $4, $5, NULL, 0)
        ON CONFLICT (user_id) DO NOTHING
        """);

    private static readonly Statement UpdatePassword = Statement.Of("""
        UPDATE users SET password_hash = $2 WHERE user_id = $1 AND deactivated_at IS NULL
        """);

    private static readonly Statement SamePassword = Statement.Of("""
        SELECT user_id FROM users WHERE user_id = $1 AND password_hash = $2 AND deactivated_at IS NULL
        """);

    private static readonly Statement Active = Statement.Of("SELECT user_id FROM users WHERE user_id = $1 AND deactivated_at IS NULL");

    private static readonly Statement UpdateAdmin = Statement.Of("UPDATE users SET is_admin = $2 WHERE user_id = $1");

    private static readonly Statement Deactivate = Statement.Of("""
        UPDATE users SET deactivated_at = $2, erased = $3, password_hash = NULL WHERE user_id = $1 AND deactivated_at IS NULL
        """);

    private static readonly Statement BeginDeparture = Statement.Of("""
        INSERT INTO departures (user_id, since) SELECT user_id, deactivated_at FROM users WHERE user_id = $1 AND deactivated_at IS NOT NULL
        ON CONFLICT (user_id) DO NOTHING
        """);

    private static readonly Statement FinishDeparture = Statement.Of("DELETE FROM departures WHERE user_id = $1");

    private static readonly Statement UpsertRegistrationToken = Statement.Of("""
        INSERT INTO registration_tokens (token, uses_allowed, completed, expires_at, makes_admin) VALUES ($1, $2, 0, $3, $4)
        ON CONFLICT (token) DO UPDATE
        SET uses_allowed = excluded.uses_allowed, expires_at = excluded.expires_at, makes_admin = excluded.makes_admin
        """);

    private static readonly Statement RemoveRegistrationToken = Statement.Of("DELETE FROM registration_tokens WHERE token = $1");

    private static readonly Statement UseRegistrationToken = Statement.Of("""
        UPDATE registration_tokens SET completed = completed + 1
        WHERE token = $1 AND (makes_admin = 0 OR NOT EXISTS (SELECT 1 FROM users))
            AND (uses_allowed IS NULL OR completed < uses_allowed) AND (expires_at IS NULL OR expires_at > $2)
        """);

    private static readonly Statement InsertLoginToken = Statement.Of("""
        INSERT INTO login_tokens (hash, user_id, expires_at) VALUES ($1, $2, $3)
        """);

    private static readonly Statement UseLoginToken = Statement.Of("""
        DELETE FROM login_tokens WHERE hash = $1 AND expires_at > $2 RETURNING user_id
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .OnCondition<CreateUser>(InsertUser, static (a, op) => a
            .Text(op.UserId).Int((int)op.Kind).TextOrNull(op.PasswordHash).Bool(op.IsAdmin).Now())
        .OnCondition<SetPassword>(UpdatePassword, static (a, op) => a.Text(op.UserId).TextOrNull(op.PasswordHash))
        .OnCondition<PasswordIs>(SamePassword, static (a, op) => a.Text(op.UserId).Text(op.PasswordHash), static (_, _) => true)
        .OnCondition<UserIsActive>(Active, static (a, op) => a.Text(op.UserId), static (_, _) => true)
        .OnCondition<SetAdmin>(UpdateAdmin, static (a, op) => a.Text(op.UserId).Bool(op.IsAdmin))
        .On<DeactivateUser>(static (op, writes) =>
        {
            writes.RunIf(Deactivate, op, static (a, op) => a.Text(op.UserId).Now().Bool(op.Erase));
            writes.Run(BeginDeparture, op, static (a, op) => a.Text(op.UserId));
        })
        .On<EndDeparture>(FinishDeparture, static (a, op) => a.Text(op.UserId))
        .On<PutRegistrationToken>(UpsertRegistrationToken, static (a, op) => a
            .Text(op.Token).IntOrNull(op.UsesAllowed).IntOrNull(op.ExpiresAt).Bool(op.MakesAdmin))
        .OnCondition<DeleteRegistrationToken>(RemoveRegistrationToken, static (a, op) => a.Text(op.Token))
        .OnCondition<RedeemRegistrationToken>(UseRegistrationToken, static (a, op) => a.Text(op.Token).Now())
        .On<PutLoginToken>(InsertLoginToken, static (a, op) => a.Blob(op.Hash).Text(op.UserId).Int(op.ExpiresAt))
        .OnCondition<RedeemLoginToken>(
            UseLoginToken,
            static (a, op) => a.Blob(op.Hash).Now(),
            static (op, row) =>
            {
                op.UserId = row.Text(0);
                return true;
            });
}
