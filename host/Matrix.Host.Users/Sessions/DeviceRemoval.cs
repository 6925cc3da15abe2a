using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Users.Sessions;

/// <summary>Deletes devices with their tokens and keys, and tells whoever tracks the user's devices.</summary>
public sealed class DeviceRemoval(IStorage storage)
{
    /// <summary>Deletes these devices. Those that are gone already are no failure.</summary>
    public async ValueTask RemoveAsync(string userId, IReadOnlyCollection<string> deviceIds, CancellationToken stop)
    {
        if (deviceIds.Count == 0) return;
        await storage.Writer.WriteAsync(AddTo(new WriteSet(deviceIds.Count + 1), userId, deviceIds), stop).ConfigureAwait(false);
    }

    /// <summary>Deletes all of a user's devices but one, and the tokens by which more would log in.</summary>
    public async ValueTask RemoveAllAsync(string userId, string? except, CancellationToken stop) =>
        await storage.Writer.WriteAsync(AddAllTo(new WriteSet(2), userId, except), stop).ConfigureAwait(false);

    /// <summary>The ids of a user's devices.</summary>
    public async ValueTask<IReadOnlyCollection<string>> IdsAsync(string userId, CancellationToken stop)
    {
        var devices = await storage.Accounts.DevicesAsync(userId, stop).ConfigureAwait(false);
        return [.. devices.Select(d => d.DeviceId)];
    }

    /// <summary>Adds the deletions to what is written.</summary>
    public static WriteSet AddTo(WriteSet set, string userId, IReadOnlyCollection<string> deviceIds)
    {
        foreach (var deviceId in deviceIds) set.Add(new DeleteDevice(userId, deviceId));
        if (deviceIds.Count > 0) set.Add(new LogDeviceListChange(userId));
        return set;
    }

    /// <summary>
    /// Adds the deletion of all devices but one to what is written. Which they are is found when it is written: a
    /// device that logs in meanwhile is among them.
    /// </summary>
    public static WriteSet AddAllTo(WriteSet set, string userId, string? except) =>
        set.Add(new DeleteOtherDevices(userId, except)).Add(new LogDeviceListChange(userId));
}
