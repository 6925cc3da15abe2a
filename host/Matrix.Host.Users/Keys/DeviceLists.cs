using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Users.Keys;

/// <summary>A local user's devices and keys, as other servers cache them.</summary>
/// <param name="StreamId">The version of the list, which rises with each change.</param>
/// <param name="Devices">The devices that have identity keys.</param>
public sealed record DeviceList(
    long StreamId, IReadOnlyList<ListedDevice> Devices, JsonObject? MasterKey, JsonObject? SelfSigningKey);

/// <summary>A device of a list.</summary>
/// <param name="Keys">The identity keys, without `unsigned`.</param>
public sealed record ListedDevice(string DeviceId, string? DisplayName, JsonObject Keys);

/// <summary>Reads device lists of local users for other servers. v1.19 server-server-api#device-management</summary>
public sealed class DeviceLists(KeysTable keysTable, IDeviceUpdatesTable deviceUpdatesTable, KeyQueries queries)
{
    private static readonly IReadOnlySet<string> _allDevices = new HashSet<string>();

    /// <summary>A user's device list; null if there is no such user.</summary>
    public async ValueTask<DeviceList?> FindAsync(string userId, CancellationToken stop)
    {
        // Read first: with a later change, the reader gets these keys again. The other way round it would miss them.
        var streamId = await deviceUpdatesTable.LatestIdAsync(userId, stop);

        // The changes of lists that did not change lately are not recorded. Later ids are greater than the position.
        if (streamId == 0)
        {
            streamId = await keysTable.DeviceListPositionAsync(userId, stop);
        }

        var wanted = new Dictionary<string, IReadOnlySet<string>> { [userId] = _allDevices };
        var found = await queries.QueryAsync(asker: null, wanted, stop);
        return found.DeviceKeys.TryGetValue(userId, out var devices)
            ? new DeviceList(
                streamId,
                [.. devices.Select(device => Listed(device.Key, device.Value))],
                found.MasterKeys.GetValueOrDefault(userId),
                found.SelfSigningKeys.GetValueOrDefault(userId))
            : null;
    }

    private static ListedDevice Listed(string deviceId, JsonObject keys) => new(
        deviceId,
        SignedJson.Child(keys, "unsigned") is { } unsigned ? SignedJson.Text(unsigned, "device_display_name") : null,
        SignedJson.WithoutUnsigned(keys));
}
