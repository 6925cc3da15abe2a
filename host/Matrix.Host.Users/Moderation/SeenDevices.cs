using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.Moderation;

/// <summary>Where the devices of a user were last seen.</summary>
public sealed class SeenDevices(IAccountsTable accountsTable)
{
    private static readonly UserFailure _forbidden = new(
        UserFailureKind.Forbidden, "Only administrators of this server can look other users up.");

    private static readonly UserFailure _unknown = new(UserFailureKind.NotFound, "There is no such user.");

    /// <summary>The devices of a user, for the user or an administrator.</summary>
    public async ValueTask<UserResult<IReadOnlyList<DeviceRow>>> OfAsync(
        Caller caller, string userId, CancellationToken stop)
    {
        if (caller.UserId != userId && !caller.IsAdmin) return _forbidden;
        if (await accountsTable.FindUserAsync(userId, stop) is null) return _unknown;
        return new UserResult<IReadOnlyList<DeviceRow>>(await accountsTable.DevicesAsync(userId, stop));
    }
}
