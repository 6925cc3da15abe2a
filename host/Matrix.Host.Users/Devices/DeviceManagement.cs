using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Users.Devices;

/// <summary>
/// Lists, renames and deletes devices. A deleted device loses its tokens and keys, and users who track the owner's
/// devices learn of it. v1.19 client-server-api#device-management
/// </summary>
public sealed class DeviceManagement(
    IAccountsTable accountsTable, IStorageWriter writer, Logins logins, TimeProvider clock)
{
    /// <summary>The devices of the user who makes the request.</summary>
    /// <param name="requester">The device that makes the request; it counts as seen now.</param>
    /// <param name="address">The address that it makes the request from.</param>
    public async ValueTask<IReadOnlyList<DeviceRow>> ListAsync(
        UserDevice requester, string address, CancellationToken stop)
    {
        var devices = await accountsTable.DevicesAsync(requester.UserId, stop);
        return [.. devices.Select(device => Seen(requester, address, device))];
    }

    /// <summary>One of the devices of the user who makes the request; null if they have no such device.</summary>
    public async ValueTask<DeviceRow?> FindAsync(
        UserDevice requester, string address, string deviceId, CancellationToken stop)
    {
        var device = await accountsTable.FindDeviceAsync(requester.UserId, deviceId, stop);
        return device is null ? null : Seen(requester, address, device);
    }

    /// <summary>Renames a device; null leaves its name. False if the user has no such device.</summary>
    public async ValueTask<bool> RenameAsync(UserDevice device, string? name, CancellationToken stop)
    {
        var (userId, deviceId) = device;
        if (name is null)
        {
            return await accountsTable.FindDeviceAsync(userId, deviceId, stop) is not null;
        }

        // Other users get the name with the device's keys.
        var batch = new WriteBatch(Authority.Nobody, 2)
            .Require(new DeviceRenamed(userId, deviceId, name))
            .Add(new DeviceListChanged(userId));
        return !(await writer.WriteAsync(batch, stop)).Refused;
    }

    /// <summary>
    /// Creates a device without a token, for an application service. v1.19 application-service-api#device-management
    /// </summary>
    /// <returns>Null if it was created, or exists.</returns>
    public async ValueTask<UserFailure?> CreateAsync(UserDevice device, string? name, CancellationToken stop)
    {
        var (userId, deviceId) = device;
        if (await logins.RefuseDeviceAsync(userId, deviceId, stop) is { } refused) return refused;
        var batch = new WriteBatch(Authority.Nobody, 2)
            .Require(new UserIsActive(userId))
            .Add(new DeviceAdded(userId, deviceId, name));
        return (await writer.WriteAsync(batch, stop)).Refused
            ? new UserFailure(UserFailureKind.Deactivated, "This account has been deactivated.")
            : null;
    }

    /// <summary>Deletes one device. A device that is gone already is no failure.</summary>
    public async ValueTask DeleteAsync(UserDevice device, CancellationToken stop)
    {
        var batch = new WriteBatch(Authority.Nobody, 2)
            .Add(new DeviceDeleted(device.UserId, device.DeviceId))
            .Add(new DeviceListChanged(device.UserId));
        await writer.WriteAsync(batch, stop);
    }

    /// <summary>Ends the session of the caller: the device, or the token alone if it has none.</summary>
    public async ValueTask LogOutAsync(Caller caller, CancellationToken stop)
    {
        if (caller.HasDevice) await DeleteAsync(caller.Device, stop);
        else await writer.WriteAsync(
            new WriteBatch(Authority.Nobody, 1).Add(new SessionEnded(caller.UserId, caller.Session)), stop);
    }

    /// <summary>
    /// Deletes those of some devices that the user has. False, with nothing deleted, if the condition does not hold
    /// when this is written.
    /// </summary>
    public async ValueTask<bool> DeleteAsync(
        string userId, IEnumerable<string> deviceIds, ConditionalChange condition, CancellationToken stop)
    {
        var rows = await accountsTable.DevicesAsync(userId, stop);
        var has = rows.Select(row => row.DeviceId).ToHashSet(StringComparer.Ordinal);
        var batch = new WriteBatch(Authority.Nobody).Require(condition);
        var any = false;
        foreach (var deviceId in deviceIds.Distinct().Where(has.Contains))
        {
            batch.Add(new DeviceDeleted(userId, deviceId));
            any = true;
        }

        if (any) batch.Add(new DeviceListChanged(userId));
        return !(await writer.WriteAsync(batch, stop)).Refused;
    }

    /// <summary>Deletes all devices of a user, and the login tokens.</summary>
    public async ValueTask DeleteAllAsync(string userId, CancellationToken stop) =>
        await writer.WriteAsync(AddDeletionOfAll(new WriteBatch(Authority.Nobody, 2), userId, except: null), stop);

    /// <summary>
    /// Adds the deletion of all devices but one, and of the login tokens, to a batch. It covers a device that logs in
    /// before the batch is written.
    /// </summary>
    internal static WriteBatch AddDeletionOfAll(WriteBatch batch, string userId, string? except) =>
        batch.Add(new OtherDevicesDeleted(userId, except)).Add(new DeviceListChanged(userId));

    // The database has the time at which a device was seen, up to a minute late.
    private DeviceRow Seen(UserDevice requester, string address, DeviceRow device) =>
        device.DeviceId == requester.DeviceId
        ? device with { LastSeenIp = address, LastSeenAt = clock.GetUtcNow().ToUnixTimeMilliseconds() }
        : device;
}
