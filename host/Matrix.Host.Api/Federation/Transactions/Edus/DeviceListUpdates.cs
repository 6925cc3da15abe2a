using Matrix.Core.DeviceLists;
using Matrix.Core.Event;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Users.RemoteKeys;

namespace Matrix.Host.Api.Federation.Transactions.Edus;

/// <summary>
/// `m.device_list_update`: a device of a user of the origin changed. v1.19 server-server-api#device-management
/// </summary>
internal sealed class DeviceListUpdates(RemoteDeviceLists lists) : IEduHandler
{
    // v1.19 server-server-api#definition-mdevice_list_update
    public string Type => EventTypes.DeviceListUpdate;

    public ValueTask<int> ReceiveAsync(string origin, IReadOnlyList<JsonObject> contents, CancellationToken stop) =>
        lists.ReceiveFromAsync(
            origin,
            contents,
            content => DeviceListUpdate.TryReadDevice(content, lists.Limits, out var update) ? update : null,
            stop);
}

/// <summary>
/// `m.signing_key_update`: cross-signing keys of a user of the origin changed.
/// v1.19 server-server-api#end-to-end-encryption
/// </summary>
internal sealed class SigningKeyUpdates(RemoteDeviceLists lists) : IEduHandler
{
    // v1.19 server-server-api#definition-msigning_key_update
    public string Type => EventTypes.SigningKeyUpdate;

    public ValueTask<int> ReceiveAsync(string origin, IReadOnlyList<JsonObject> contents, CancellationToken stop) =>
        lists.ReceiveFromAsync(
            origin,
            contents,
            content => DeviceListUpdate.TryReadSigningKeys(content, lists.Limits, out var update) ? update : null,
            stop);
}

/// <summary>Takes updates of a transaction.</summary>
internal static class UpdatesOfOrigin
{
    private const int UsersAtOnce = 8;

    /// <summary>Takes the updates of users of the origin, and returns the number of the others.</summary>
    internal static async ValueTask<int> ReceiveFromAsync(
        this RemoteDeviceLists lists,
        string origin,
        IReadOnlyList<JsonObject> contents,
        Func<JsonObject, DeviceListUpdate?> read,
        CancellationToken stop)
    {
        var updates = contents.Select(read).OfType<DeviceListUpdate>()
            .Where(update => UserId.IsValid(update.UserId) && UserId.Server(update.UserId) == origin)
            .GroupBy(update => update.UserId)
            .ToArray();
        var taken = 0;
        await Parallel.ForEachAsync(
            updates,
            new ParallelOptions { MaxDegreeOfParallelism = UsersAtOnce, CancellationToken = stop },
            async (user, stop) =>
            {
                DeviceListUpdate[] ofUser = [.. user];
                if (await lists.ReceiveAsync(user.Key, ofUser, stop))
                {
                    Interlocked.Add(ref taken, ofUser.Length);
                }
            });
        return contents.Count - taken;
    }
}
