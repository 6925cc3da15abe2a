using Matrix.Core.DeviceLists;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.RemoteDevices;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Users.RemoteKeys;

/// <summary>The devices and cross-signing keys of another server's user, as they are stored. Not thread-safe.</summary>
internal sealed class CachedList
{
    private readonly Dictionary<string, RemoteDeviceRow> _devices = new(StringComparer.Ordinal);

    private CachedList(string userId) => UserId = userId;

    internal string UserId { get; }

    internal IReadOnlyCollection<RemoteDeviceRow> Devices => _devices.Values;

    internal ReadOnlyMemory<byte>? MasterKey { get; private set; }

    internal ReadOnlyMemory<byte>? SelfSigningKey { get; private set; }

    /// <summary>Reads the devices of a cached list.</summary>
    internal static async ValueTask<CachedList> LoadAsync(
        RemoteDevicesTable table, RemoteListRow row, CancellationToken stop)
    {
        var list = new CachedList(row.UserId) { MasterKey = row.MasterKey, SelfSigningKey = row.SelfSigningKey };
        foreach (var device in await table.DevicesAsync([row.UserId], stop))
        {
            list._devices.Add(device.DeviceId, device);
        }

        return list;
    }

    /// <summary>The list of a response. Devices without keys, and malformed ones, are left out.</summary>
    internal static CachedList Of(string userId, RemoteDeviceList response, DeviceListLimits limits)
    {
        var list = new CachedList(userId)
        {
            MasterKey = Key(userId, response.MasterKey, "master", limits),
            SelfSigningKey = Key(userId, response.SelfSigningKey, "self_signing", limits),
        };
        foreach (var (deviceId, keys, name) in response.Devices)
        {
            if (keys is null || !RemoteKeyObject.IsOfDevice(keys, userId, deviceId, limits)) continue;
            var shown = name is not null && RemoteKeyObject.IsName(name, limits) ? name : null;
            list._devices[deviceId] = new RemoteDeviceRow(userId, deviceId, shown, SignedJson.Stored(keys));
        }

        return list;
    }

    /// <summary>Whether an update of cross-signing keys changes any.</summary>
    internal bool Differs(DeviceListUpdate update) =>
        (update.MasterKey is { } master && !AreSame(MasterKey, SignedJson.Stored(master)))
        || (update.SelfSigningKey is { } own && !AreSame(SelfSigningKey, SignedJson.Stored(own)));

    /// <summary>Applies an update, and adds the change to a batch, if there is one.</summary>
    internal void Apply(DeviceListUpdate update, WriteBatch? batch)
    {
        if (update.IsOfSigningKeys)
        {
            var (master, own) = (Stored(update.MasterKey), Stored(update.SelfSigningKey));
            MasterKey = master ?? MasterKey;
            SelfSigningKey = own ?? SelfSigningKey;
            batch?.Add(new RemoteSigningKeysChanged(UserId, master, own));
            return;
        }

        var keys = Stored(update.Keys);
        if (keys is { } stored)
        {
            _devices[update.DeviceId] = new RemoteDeviceRow(UserId, update.DeviceId, update.DisplayName, stored);
        }
        else
        {
            _devices.Remove(update.DeviceId);
        }

        batch?.Add(new RemoteDeviceChanged(UserId, update.DeviceId, update.DisplayName, keys));
    }

    /// <summary>Whether two lists are the same to clients.</summary>
    internal bool IsSameAs(CachedList other) =>
        AreSame(MasterKey, other.MasterKey)
        && AreSame(SelfSigningKey, other.SelfSigningKey)
        && _devices.Count == other._devices.Count
        && _devices.Values.All(device =>
            other._devices.TryGetValue(device.DeviceId, out var same)
            && device.DisplayName == same.DisplayName
            && device.Keys.Span.SequenceEqual(same.Keys.Span));

    private static bool AreSame(ReadOnlyMemory<byte>? one, ReadOnlyMemory<byte>? other) =>
        one.HasValue == other.HasValue && (one is null || one.Value.Span.SequenceEqual(other!.Value.Span));

    private static ReadOnlyMemory<byte>? Key(
        string userId, JsonObject? key, string usage, DeviceListLimits limits) =>
        Stored(key is not null && RemoteKeyObject.IsSigningKey(key, userId, usage, limits) ? key : null);

    private static ReadOnlyMemory<byte>? Stored(JsonObject? key)
    {
        // A conditional expression would make an empty key of none.
        if (key is null) return null;
        return SignedJson.Stored(key);
    }
}
