using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Filters;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.ThirdPartyIds;
using Matrix.Host.Users.Commands;
using Matrix.Host.Users.Devices;
using Matrix.Host.Users.ThirdPartyIds;

namespace Matrix.Host.Users.Accounts;

/// <summary>The outcome of a deactivation.</summary>
public enum DeactivationResult
{
    /// <summary>The account has ended.</summary>
    Done,

    /// <summary>The account has ended, but identifiers of it may still be bound at identity servers.</summary>
    DoneStillBound,

    /// <summary>The account had ended before: of two requests at once, both succeed.</summary>
    DoneBefore,

    /// <summary>The condition did not hold. Nothing has changed.</summary>
    Refused,
}

/// <summary>The end of an account. v1.19 client-server-api#account-deactivation</summary>
public sealed class Deactivation(
    IAccountsTable accountsTable,
    ThirdPartyIdsTable thirdPartyIdsTable,
    IStorageWriter writer,
    UserLocks locks,
    UserCommands commands,
    IAccountObserver observer,
    IdentityBindings bindings)
{
    /// <summary>
    /// Ends an account with all its devices, durably; then its user leaves their rooms. Another node may have the user.
    /// </summary>
    /// <param name="userId">The user.</param>
    /// <param name="erase">Whether the user's data is deleted too.</param>
    /// <param name="condition">Must hold when the end is written.</param>
    /// <param name="stop">Cancels it until the end is written.</param>
    /// <param name="identityServer">Where identifiers are unbound; null for where they were bound.</param>
    /// <exception cref="StorageException">Nothing was written, or nobody could be reached that has the user.
    /// </exception>
    public async ValueTask<DeactivationResult> EndAsync(
        string userId,
        bool erase,
        ConditionalChange condition,
        CancellationToken stop,
        string? identityServer = null)
    {
        var ended = await commands.RunAsync(
            userId,
            () => EndHereAsync(userId, erase, condition, identityServer, stop),
            () => new EndAccount(userId, erase, condition, identityServer),
            stop);
        return Enum.Parse<DeactivationResult>(ended.Value);
    }

    /// <summary>The same for a user who is here. The answer is the name of the result.</summary>
    internal async ValueTask<UserAnswer> EndHereAsync(
        string userId, bool erase, ConditionalChange condition, string? identityServer, CancellationToken stop) =>
        new(null, $"{await EndInLockAsync(userId, erase, condition, identityServer, stop)}");

    private async ValueTask<DeactivationResult> EndInLockAsync(
        string userId, bool erase, ConditionalChange condition, string? identityServer, CancellationToken stop)
    {
        var owned = await thirdPartyIdsTable.OfUserAsync(userId, stop);
        var batch = new WriteBatch(Authority.User(userId))
            .Require(condition)
            .Require(new UserDeactivated(userId, erase));
        DeviceManagement.AddDeletionOfAll(batch, userId, except: null);

        // An application service sets pushers of its users without a device.
        // Nobody can log in again, so what only the user read goes in any case.
        batch.Add(new PushersOfUserDeleted(userId))
            .Add(new AccountDataDeleted(userId))
            .Add(new FiltersDeleted(userId))
            .Add(new BackupsDeleted(userId))
            .Add(new KeySignaturesOfSignerDeleted(userId));
        if (erase)
        {
            batch.Add(new ProfileDeleted(userId))
                .Add(new CrossSigningKeysDeleted(userId))
                .Add(new DeviceListChanged(userId));
        }

        var receipt = await WriteAsync(userId, batch, stop);
        if (!receipt.Refused)
        {
            await observer.DeactivatedAsync(userId, CancellationToken.None);
            return await bindings.UnbindAllAsync(userId, owned, identityServer, CancellationToken.None)
                ? DeactivationResult.Done
                : DeactivationResult.DoneStillBound;
        }

        return await accountsTable.FindUserAsync(userId, stop) is { DeactivatedAt: null }
            ? DeactivationResult.Refused
            : DeactivationResult.DoneBefore;
    }

    /// <summary>Writes under the user's lock: it deletes what a request under the lock may be about to write.</summary>
    private async ValueTask<WriteReceipt> WriteAsync(string userId, WriteBatch batch, CancellationToken stop)
    {
        using var held = await locks.TakeAsync(userId, stop);
        return await writer.WriteAsync(batch, stop);
    }
}
