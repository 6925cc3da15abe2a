using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Accounts;

/// <summary>
/// Locks an account, or unlocks it. Not applied if there is no such active user, or if the user is an administrator and
/// these are spared.
/// </summary>
public sealed record AccountLockChanged(string UserId, bool IsLocked, bool SparesAdmins) : ConditionalChange;

/// <summary>
/// Suspends an account, or ends its suspension. Not applied if there is no such active user, or if the user is an
/// administrator and these are spared.
/// </summary>
public sealed record AccountSuspensionChanged(string UserId, bool IsSuspended, bool SparesAdmins) : ConditionalChange;

/// <summary>How the moderation of accounts is stored: in the user's row.</summary>
internal static class AccountModerationHandlers
{
    private static readonly Statement Lock = Statement.Of("""
        UPDATE users SET locked = $2 WHERE user_id = $1 AND deactivated_at IS NULL AND ($3 = 0 OR is_admin = 0)
        """);

    private static readonly Statement Suspend = Statement.Of("""
        UPDATE users SET suspended = $2 WHERE user_id = $1 AND deactivated_at IS NULL AND ($3 = 0 OR is_admin = 0)
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .OnCondition<AccountLockChanged>(
            Lock, static (a, op) => a.Text(op.UserId).Bool(op.IsLocked).Bool(op.SparesAdmins))
        .OnCondition<AccountSuspensionChanged>(
            Suspend, static (a, op) => a.Text(op.UserId).Bool(op.IsSuspended).Bool(op.SparesAdmins));
}
