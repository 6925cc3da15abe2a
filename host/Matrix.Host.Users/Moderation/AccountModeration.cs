using Matrix.Core.Ident;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Users.Moderation;

/// <summary>
/// Locks and suspends accounts, for administrators and for the operator. Client-Server API, "Account moderation".
/// </summary>
public sealed class AccountModeration(IStorage storage, UsersOptions options)
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
        return await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) switch
        {
            null or { DeactivatedAt: not null } => _unknown,
            { IsAdmin: true } when userId != administrator => _administrator,
            var user => user,
        };
    }

    /// <summary>Locks an account, or unlocks it.</summary>
    /// <param name="administrator">The administrator, who spares others and themselves; null for the operator.</param>
    /// <param name="userId">The account's user.</param>
    /// <param name="isLocked">Whether it is locked from now on.</param>
    /// <param name="stop">Cancels it.</param>
    /// <returns>Null if it is so now.</returns>
    public ValueTask<UserFailure?> LockAsync(
        string? administrator, string userId, bool isLocked, CancellationToken stop) =>
        ChangeAsync(
            administrator, userId, new AccountLockChanged(userId, isLocked, administrator is not null), stop);

    /// <summary>Suspends an account, or ends its suspension.</summary>
    /// <param name="administrator">The administrator, who spares others and themselves; null for the operator.</param>
    /// <param name="userId">The account's user.</param>
    /// <param name="isSuspended">Whether it is suspended from now on.</param>
    /// <param name="stop">Cancels it.</param>
    /// <returns>Null if it is so now.</returns>
    public ValueTask<UserFailure?> SuspendAsync(
        string? administrator, string userId, bool isSuspended, CancellationToken stop) =>
        ChangeAsync(
            administrator, userId, new AccountSuspensionChanged(userId, isSuspended, administrator is not null), stop);

    private async ValueTask<UserFailure?> ChangeAsync(
        string? administrator, string userId, ConditionalChange change, CancellationToken stop)
    {
        if (!IsLocal(userId)) return _notLocal;
        if (userId == administrator) return _own;
        await storage.Writer.WriteAsync(new WriteBatch(1).Add(change), stop).ConfigureAwait(false);
        if (change.Applied) return null;

        // Of active users, only administrators are spared.
        return await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is { DeactivatedAt: null }
            ? _administrator
            : _unknown;
    }

    private bool IsLocal(string userId) => UserId.isValid(userId) && UserId.server(userId) == options.ServerName;
}
