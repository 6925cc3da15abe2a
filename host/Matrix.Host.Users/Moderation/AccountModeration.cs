using Matrix.Core.Ident;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Users.Moderation;

/// <summary>
/// Locks and suspends accounts, for administrators and for the operator. Each change is in the audit log.
/// v1.19 client-server-api#account-moderation
/// </summary>
public sealed class AccountModeration(
    IAccountsTable accountsTable, IStorageWriter writer, AuditLog audit, UsersOptions options)
{
    private static readonly UserFailure _notLocal = new(
        UserFailureKind.InvalidParam, "The user does not belong to this server.");

    private static readonly UserFailure _unknown = new(UserFailureKind.NotFound, "There is no such user.");

    private static readonly UserFailure _own = new(
        UserFailureKind.Forbidden, "You cannot lock or suspend your own account.");

    private static readonly UserFailure _administrator = new(
        UserFailureKind.Forbidden, "The user is an administrator of this server.");

    /// <summary>An account, for an administrator. Those of other administrators are not shown.</summary>
    public async ValueTask<UserResult<UserRow>> FindAsync(string administrator, string userId, CancellationToken stop)
    {
        if (!IsLocal(userId)) return _notLocal;
        return await accountsTable.FindUserAsync(userId, stop) switch
        {
            null or { DeactivatedAt: not null } => _unknown,
            { IsAdmin: true } when userId != administrator => _administrator,
            var user => user,
        };
    }

    /// <summary>Locks an account, or unlocks it.</summary>
    /// <param name="actor">An administrator, who spares others and themselves, or the operator.</param>
    /// <param name="userId">The account's user.</param>
    /// <param name="isLocked">Whether it is locked from now on.</param>
    /// <returns>Null if it is so now.</returns>
    public ValueTask<UserFailure?> LockAsync(
        AdminActor actor, string userId, bool isLocked, CancellationToken stop) => ChangeAsync(
            actor,
            userId,
            isLocked ? "user.lock" : "user.unlock",
            new AccountLockChanged(userId, isLocked, actor != AdminActor.Operator),
            stop);

    /// <summary>Suspends an account, or ends its suspension.</summary>
    /// <param name="actor">An administrator, who spares others and themselves, or the operator.</param>
    /// <param name="userId">The account's user.</param>
    /// <param name="isSuspended">Whether it is suspended from now on.</param>
    /// <returns>Null if it is so now.</returns>
    public ValueTask<UserFailure?> SuspendAsync(
        AdminActor actor, string userId, bool isSuspended, CancellationToken stop) => ChangeAsync(
            actor,
            userId,
            isSuspended ? "user.suspend" : "user.unsuspend",
            new AccountSuspensionChanged(userId, isSuspended, actor != AdminActor.Operator),
            stop);

    private async ValueTask<UserFailure?> ChangeAsync(
        AdminActor actor, string userId, string action, ConditionalChange change, CancellationToken stop)
    {
        if (!IsLocal(userId)) return _notLocal;
        if (userId == actor.Who) return _own;
        var batch = new WriteBatch(Authority.Nobody, 2).Require(change).Require(audit.Of(actor, action, userId));
        if (!(await writer.WriteAsync(batch, stop)).Refused) return null;

        // Of active users, only administrators are spared.
        return await accountsTable.FindUserAsync(userId, stop) is { DeactivatedAt: null }
            ? _administrator
            : _unknown;
    }

    private bool IsLocal(string userId) => UserId.IsValid(userId) && UserId.Server(userId) == options.ServerName;
}
