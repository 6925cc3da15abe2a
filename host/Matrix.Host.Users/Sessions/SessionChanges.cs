using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Guests;

namespace Matrix.Host.Users.Sessions;

/// <summary>The changes that end sessions, or change what their users may do.</summary>
public static class SessionChanges
{
    /// <summary>The user whose sessions a change concerns; null for other changes.</summary>
    public static string? UserOf(Change change) => change switch
    {
        TokensIssued put => put.UserId,
        TokensRotated rotated => rotated.UserId,
        DeviceDeleted gone => gone.UserId,
        OtherDevicesDeleted gone => gone.UserId,
        SessionEnded ended => ended.UserId,
        TokensConfirmed confirmed => confirmed.UserId,
        UserDeactivated deactivated => deactivated.UserId,
        AdminChanged changed => changed.UserId,
        AccountLockChanged changed => changed.UserId,
        AccountSuspensionChanged changed => changed.UserId,
        GuestUpgraded upgraded => upgraded.UserId,
        _ => null,
    };

    /// <summary>Whether it ends the tokens by which an administrator acts as other users.</summary>
    public static bool EndsTokensOfAdmin(Change change) => change is UserDeactivated or AdminChanged { IsAdmin: false };
}
