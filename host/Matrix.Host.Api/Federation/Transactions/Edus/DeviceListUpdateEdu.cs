using Matrix.Core.DeviceLists;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Users.RemoteKeys;

namespace Matrix.Host.Api.Federation.Transactions.Edus;

/// <summary>
/// `m.device_list_update`: a device of a user of the origin changed. v1.19 server-server-api#device-management
/// </summary>
internal sealed class DeviceListUpdateEdu(RemoteDeviceLists lists) : IEduHandler
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
