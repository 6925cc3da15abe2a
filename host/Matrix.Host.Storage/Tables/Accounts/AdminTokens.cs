using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>
/// Stores an access token by which an administrator acts as a user. It belongs to no device, so that the user's list of
/// devices stays as it is. It ends when the user logs out everywhere, or the administrator is none any more.
/// </summary>
/// <param name="ExpiresAt">Milliseconds since the epoch.</param>
/// <param name="IssuedBy">The administrator.</param>
public sealed record LoginAsIssued(string UserId, ReadOnlyMemory<byte> Hash, long ExpiresAt, string IssuedBy) : Change;

/// <summary>Creates a registration token. Not applied if there is one of that name.</summary>
/// <param name="ExpiresAt">Milliseconds since the epoch; null for never.</param>
public sealed record RegistrationTokenCreated(string Token, int? UsesAllowed, long? ExpiresAt) : ConditionalChange;

/// <summary>Changes the limits of a registration token. Not applied if there is none of that name.</summary>
/// <param name="ExpiresAt">Milliseconds since the epoch; null for never.</param>
public sealed record RegistrationTokenLimited(string Token, int? UsesAllowed, long? ExpiresAt) : ConditionalChange;

/// <summary>A registration token of another server. Not applied if there is one of that name.</summary>
/// <param name="ExpiresAt">Milliseconds since the epoch; null for never.</param>
public sealed record RegistrationTokenImported(string Token, int? UsesAllowed, int Completed, long? ExpiresAt)
    : ConditionalChange;

/// <summary>How the tokens that administrators make are stored, and the end of those without a device.</summary>
internal static class AdminTokenHandlers
{
    private static readonly Statement LogInAs = Statement.Of("""
        INSERT INTO tokens
            (hash, kind, user_id, device_id, expires_at, generation, confirmed, issued_by, session, by_service)
        VALUES ($1, 0, $2, '', $3, 1, 1, $4, $5, 0)
        """);

    private static readonly Statement EndOfUser = Statement.Of(
        "DELETE FROM tokens WHERE user_id = $1 AND device_id = ''");

    private static readonly Statement EndOfSession = Statement.Of(
        "DELETE FROM tokens WHERE user_id = $1 AND device_id = '' AND session = $2");

    private static readonly Statement EndOfAdmin = Statement.Of("DELETE FROM tokens WHERE issued_by = $1");

    private static readonly Statement Create = Statement.Of("""
        INSERT INTO registration_tokens (token, uses_allowed, completed, expires_at, makes_admin)
        VALUES ($1, $2, 0, $3, 0) ON CONFLICT (token) DO NOTHING
        """);

    private static readonly Statement Import = Statement.Of("""
        INSERT INTO registration_tokens (token, uses_allowed, completed, expires_at, makes_admin)
        VALUES ($1, $2, $3, $4, 0) ON CONFLICT (token) DO NOTHING
        """);

    private static readonly Statement Limit = Statement.Of("""
        UPDATE registration_tokens SET uses_allowed = $2, expires_at = $3 WHERE token = $1
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<LoginAsIssued>(LogInAs, static (a, op) => a
            .Blob(op.Hash).Text(op.UserId).Int(op.ExpiresAt).Text(op.IssuedBy).Position())
        .On<SessionEnded>(EndOfSession, static (a, op) => a.Text(op.UserId).Int(op.Session))
        .On<OtherDevicesDeleted>(EndOfUser, static (a, op) => a.Text(op.UserId))
        .On<UserDeactivated>(EndOfAdmin, static (a, op) => a.Text(op.UserId))
        .On<AdminChanged>(static (op, writes) =>
        {
            if (!op.IsAdmin) writes.Run(EndOfAdmin, op, static (a, op) => a.Text(op.UserId));
        })
        .OnCondition<RegistrationTokenCreated>(
            Create, static (a, op) => a.Text(op.Token).IntOrNull(op.UsesAllowed).IntOrNull(op.ExpiresAt))
        .OnCondition<RegistrationTokenImported>(Import, static (a, op) => a
            .Text(op.Token).IntOrNull(op.UsesAllowed).Int(op.Completed).IntOrNull(op.ExpiresAt))
        .OnCondition<RegistrationTokenLimited>(
            Limit, static (a, op) => a.Text(op.Token).IntOrNull(op.UsesAllowed).IntOrNull(op.ExpiresAt));
}
