using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Users.Sessions;

/// <summary>Deletes devices with their tokens and keys, and tells whoever tracks the user's devices.</summary>
public sealed class DeviceRemoval(IStorage storage)
{
    /// <summary>Deletes these devices. Those that are gone already are no failure.</summary>
    public async ValueTask RemoveAsync(string userId, IReadOnlyCollection<string> deviceIds, CancellationToken stop)
    {
        if (deviceIds.Count == 0) return;
        await storage.Writer.WriteAsync(AddTo(new WriteBatch(deviceIds.Count + 1), userId, deviceIds), stop).ConfigureAwait(false);
    }

    /// <summary>Deletes all of a user's devices but one, and the tokens by which more would log in.</summary>
    public async ValueTask RemoveAllAsync(string userId, string? except, CancellationToken stop) =>
        await storage.Writer.WriteAsync(AddAllTo(new WriteBatch(2), userId, except), stop).ConfigureAwait(false);

    /// <summary>The ids of a user's devices.</summary>
    public async ValueTask<IReadOnlyCollection<string>> IdsAsync(string userId, CancellationToken stop)
    {
        var devices = await storage.Accounts.DevicesAsync(userId, stop).ConfigureAwait(false);
        return [.. devices.Select(d => d.DeviceId)];
    }

    /// <summary>Adds the deletions to what is written.</summary>
    public static WriteBatch AddTo(WriteBatch batch, string userId, IReadOnlyCollection<string> deviceIds)
    {
        foreach (var deviceId in deviceIds) batch.Add(new DeviceDeleted(userId, deviceId));
        if (deviceIds.Count > 0) batch.Add(new DeviceListChanged(userId));
        return batch;
    }

    /// <summary>
    /// Adds the deletion of all devices but one to what is written. Which they are is found when it is written: a
    /// device that logs in meanwhile is among them.
    /// </summary>
    public static WriteBatch AddAllTo(WriteBatch batch, string userId, string? except) =>
        batch.Add(new OtherDevicesDeleted(userId, except)).Add(new DeviceListChanged(userId));
}
