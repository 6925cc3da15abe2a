using System.Collections.Concurrent;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Users.AppServices;

namespace Matrix.Host.Users.Sessions;

/// <summary>Why an application service may not act as a user.</summary>
public enum MasqueradeProblem
{
    /// <summary>The user is not in the service's namespaces, or does not exist.</summary>
    Forbidden,

    /// <summary>The account has been deactivated.</summary>
    Deactivated,

    /// <summary>The device does not belong to the user.</summary>
    UnknownDevice,
}

/// <summary>
/// Finds the user and device as which an application service acts. v1.19 application-service-api#identity-assertion
/// </summary>
public sealed class AppServiceCallers : IChangeConsumer
{
    private readonly IAccountsTable _accountsTable;
    private readonly IStorageWriter _writer;
    private readonly int _capacity;
    private readonly ConcurrentDictionary<string, UserRow> _users = new(StringComparer.Ordinal);
    private int _epoch;

    /// <summary>Creates the cache of users and subscribes it to commits.</summary>
    public AppServiceCallers(IAccountsTable accountsTable, IStorageWriter writer, UsersOptions options)
    {
        _accountsTable = accountsTable;
        _writer = writer;
        _capacity = options.CachedTokens;
        writer.AddConsumer(this);
    }

    /// <summary>The caller of a request with a service's token, or the problem.</summary>
    /// <param name="service">The service.</param>
    /// <param name="userId">The user of the query; null for the service's sender, who is created if missing.</param>
    /// <param name="deviceId">The device of the query; null for none.</param>
    public async ValueTask<(Caller? Caller, MasqueradeProblem? Problem)> FindAsync(
        AppService service, string? userId, string? deviceId, CancellationToken stop)
    {
        var wanted = userId ?? service.SenderId;
        if (!service.HasUser(wanted)) return (null, MasqueradeProblem.Forbidden);
        var user = await UserAsync(wanted, stop);
        if (user is null && wanted == service.SenderId)
        {
            var created = new UserCreated(wanted, UserKind.AppService, PasswordHash: null, IsAdmin: false);
            await _writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(created), stop);
            user = await UserAsync(wanted, stop);
        }

        if (user is null) return (null, MasqueradeProblem.Forbidden);
        if (user.DeactivatedAt is not null) return (null, MasqueradeProblem.Deactivated);
        if (deviceId is not null
            && await _accountsTable.FindDeviceAsync(wanted, deviceId, stop) is null)
        {
            return (null, MasqueradeProblem.UnknownDevice);
        }

        // A service never administers, whomever it acts as.
        var caller = new Caller(
            new UserDevice(wanted, deviceId ?? ""), IsAdmin: false, user.Kind == UserKind.Guest)
        {
            Service = service,
            IsLocked = user.IsLocked,
            IsSuspended = user.IsSuspended,
        };
        return (caller, null);
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        var user = change switch
        {
            UserDeactivated deactivated => deactivated.UserId,
            AdminChanged changed => changed.UserId,
            AccountLockChanged changed => changed.UserId,
            AccountSuspensionChanged changed => changed.UserId,
            GuestUpgraded upgraded => upgraded.UserId,
            _ => null,
        };
        if (user is null) return;
        Interlocked.Increment(ref _epoch);
        _users.TryRemove(user, out _);
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        Interlocked.Increment(ref _epoch);
        _users.Clear();
    }

    private async ValueTask<UserRow?> UserAsync(string userId, CancellationToken stop)
    {
        if (_users.TryGetValue(userId, out var known)) return known;
        var epoch = Volatile.Read(ref _epoch);
        var user = await _accountsTable.FindUserAsync(userId, stop);
        if (user is null) return null;
        if (_users.Count >= _capacity) _users.Clear();
        _users[userId] = user;

        // A commit between the two could have changed the user.
        if (Volatile.Read(ref _epoch) != epoch) _users.TryRemove(userId, out _);
        return user;
    }
}
