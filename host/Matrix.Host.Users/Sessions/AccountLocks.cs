using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Users.Sessions;

/// <summary>
/// Says which accounts are locked: by an administrator, or by a policy list, which spares administrators.
/// v1.19 client-server-api#account-locking
/// </summary>
public sealed class AccountLocks(IAccountsTable accountsTable, IAccountPolicy policy)
{
    private static readonly UserFailure _locked = new(UserFailureKind.Locked, "This account has been locked.");

    /// <summary>The failure of a caller whose account is locked; null for others. Usually from memory.</summary>
    public ValueTask<UserFailure?> OfCallerAsync(Caller caller, CancellationToken stop) =>
        Of(caller.UserId, caller.IsLocked, caller.IsAdmin, stop);

    /// <summary>The failure of a user whose account is locked; null for others.</summary>
    public async ValueTask<UserFailure?> OfUserAsync(string userId, CancellationToken stop) =>
        await accountsTable.FindUserAsync(userId, stop) is { } user
            ? await OfUserAsync(user, stop)
            : null;

    /// <summary>The failure of a user whose account is locked; null for others.</summary>
    public ValueTask<UserFailure?> OfUserAsync(UserRow user, CancellationToken stop) =>
        Of(user.UserId, user.IsLocked, user.IsAdmin, stop);

    private ValueTask<UserFailure?> Of(string userId, bool isLocked, bool isAdmin, CancellationToken stop)
    {
        if (isLocked) return new(_locked);
        return policy.IsEmpty || isAdmin ? new((UserFailure?)null) : RefusalAsync();

        async ValueTask<UserFailure?> RefusalAsync() =>
            await policy.RefusalAsync(userId, stop) is { } why
                ? new UserFailure(UserFailureKind.Locked, why)
                : null;
    }
}
