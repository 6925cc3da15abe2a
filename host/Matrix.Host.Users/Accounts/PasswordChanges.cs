using Matrix.Host.Crypto;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Users.Accounts;

/// <summary>
/// Changes passwords, and tells the account's mail addresses. v1.19 client-server-api#password-management
/// </summary>
public sealed class PasswordChanges(IStorageWriter writer, PasswordHasher hasher, AddressNotices notices)
{
    /// <summary>Changes a password.</summary>
    /// <param name="userId">The user.</param>
    /// <param name="password">The new password.</param>
    /// <param name="logsOut">Whether devices are logged out.</param>
    /// <param name="except">The device that stays logged in; null for none.</param>
    /// <param name="by">Who asks for it.</param>
    /// <param name="condition">Must hold when the change is written; if it does not, the failure is Outdated.</param>
    /// <returns>Null if the password was changed.</returns>
    public async ValueTask<UserFailure?> ChangeAsync(
        string userId,
        string password,
        bool logsOut,
        string? except,
        HashRequester by,
        ConditionalChange condition,
        CancellationToken stop)
    {
        if (await hasher.HashAsync(password, by, stop) is not { } hash)
        {
            return new UserFailure(UserFailureKind.Busy, "Too many passwords are being hashed.");
        }

        var batch = new WriteBatch(Authority.Nobody, 4).Require(condition).Require(new PasswordChanged(userId, hash));
        if (logsOut) DeviceManagement.AddDeletionOfAll(batch, userId, except);
        var receipt = await writer.WriteAsync(batch, stop);
        if (receipt.Refused)
        {
            return new UserFailure(UserFailureKind.Outdated, "The password has changed since it was given.");
        }

        await notices.PasswordChangedAsync(userId, CancellationToken.None);
        return null;
    }
}
