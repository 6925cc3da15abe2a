using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Writing;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.Accounts;

/// <summary>What came of a deactivation.</summary>
public enum DeactivationResult
{
    /// <summary>The account has ended.</summary>
    Done,

    /// <summary>It had ended already: whoever asked twice at once is told the same.</summary>
    DoneBefore,

    /// <summary>The condition did not hold: nothing has changed.</summary>
    Refused,
}

/// <summary>The end of an account. Client-Server API, "Account deactivation".</summary>
public sealed class Deactivation(IStorage storage)
{
    /// <summary>Ends an account with all its devices, durably. Its rooms are left by who decides about rooms.</summary>
    /// <param name="userId">Whose.</param>
    /// <param name="erase">Whether what the user kept here is deleted too.</param>
    /// <param name="condition">What must hold when it is written.</param>
    /// <param name="stop">Gives up.</param>
    public async ValueTask<DeactivationResult> EndAsync(
        string userId, bool erase, ConditionalOperation condition, CancellationToken stop)
    {
        var set = new WriteSet().Require(condition).Require(new DeactivateUser(userId, erase));
        DeviceRemoval.AddAllTo(set, userId, except: null);
        if (erase)
        {
            set.Add(new DeleteAccountData(userId)).Add(new DeleteProfile(userId)).Add(new DeleteFilters(userId))
                .Add(new DeleteBackups(userId)).Add(new DeleteCrossSigningKeys(userId)).Add(new LogDeviceListChange(userId));
        }

        var receipt = await storage.Writer.WriteAsync(set, stop).ConfigureAwait(false);
        if (!receipt.Refused) return DeactivationResult.Done;
        return await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is { DeactivatedAt: null }
            ? DeactivationResult.Refused
            : DeactivationResult.DoneBefore;
    }
}
