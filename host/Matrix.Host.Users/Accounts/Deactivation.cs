using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Profiles;
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
        string userId, bool erase, ConditionalChange condition, CancellationToken stop)
    {
        var batch = new WriteBatch().Require(condition).Require(new UserDeactivated(userId, erase));
        DeviceRemoval.AddAllTo(batch, userId, except: null);
        if (erase)
        {
            batch.Add(new AccountDataDeleted(userId)).Add(new ProfileDeleted(userId)).Add(new FiltersDeleted(userId))
                .Add(new BackupsDeleted(userId)).Add(new CrossSigningKeysDeleted(userId)).Add(new DeviceListChanged(userId));
        }

        var receipt = await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
        if (!receipt.Refused) return DeactivationResult.Done;
        return await storage.Accounts.FindUserAsync(userId, stop).ConfigureAwait(false) is { DeactivatedAt: null }
            ? DeactivationResult.Refused
            : DeactivationResult.DoneBefore;
    }
}
