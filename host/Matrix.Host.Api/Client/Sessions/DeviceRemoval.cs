using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Api.Client.Sessions;

/// <summary>Deletes devices with their tokens and keys, and tells whoever tracks the user's devices.</summary>
internal sealed class DeviceRemoval(IStorage storage)
{
    /// <summary>Deletes these devices. Those that are gone already are no failure.</summary>
    internal async ValueTask RemoveAsync(string userId, IReadOnlyCollection<string> deviceIds, CancellationToken stop)
    {
        if (deviceIds.Count == 0) return;
        await storage.Writer.WriteAsync(AddTo(new WriteSet(deviceIds.Count + 1), userId, deviceIds), stop).ConfigureAwait(false);
    }

    /// <summary>Deletes all of a user's devices but one.</summary>
    internal async ValueTask RemoveAllAsync(string userId, string? except, CancellationToken stop) =>
        await RemoveAsync(userId, await IdsAsync(userId, except, stop).ConfigureAwait(false), stop).ConfigureAwait(false);

    /// <summary>The ids of a user's devices but one.</summary>
    internal async ValueTask<IReadOnlyCollection<string>> IdsAsync(string userId, string? except, CancellationToken stop)
    {
        var devices = await storage.Accounts.DevicesAsync(userId, stop).ConfigureAwait(false);
        return [.. devices.Select(d => d.DeviceId).Where(id => id != except)];
    }

    /// <summary>Adds the deletions to what is written.</summary>
    internal static WriteSet AddTo(WriteSet set, string userId, IReadOnlyCollection<string> deviceIds)
    {
        foreach (var deviceId in deviceIds) set.Add(new DeleteDevice(userId, deviceId));
        if (deviceIds.Count > 0) set.Add(new LogDeviceListChange(userId));
        return set;
    }
}
