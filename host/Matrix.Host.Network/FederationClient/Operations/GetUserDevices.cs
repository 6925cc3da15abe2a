using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>The devices of a user of another server, with their keys.</summary>
/// <param name="StreamId">The version of the list, compared with that of later updates.</param>
/// <param name="MasterKey">The cross-signing master key; null if there is none.</param>
/// <param name="SelfSigningKey">The self-signing key; null if there is none.</param>
public sealed record RemoteDeviceList(
    long StreamId, IReadOnlyList<RemoteDevice> Devices, JsonObject? MasterKey, JsonObject? SelfSigningKey);

/// <summary>A device of a user of another server.</summary>
/// <param name="Keys">Its identity keys; null if it has none.</param>
public sealed record RemoteDevice(string DeviceId, JsonObject? Keys, string? DisplayName);

public sealed partial class FederationOperations
{
    /// <summary>`GET /user/devices/{userId}`. v1.19 server-server-api#get_matrixfederationv1userdevicesuserid</summary>
    public async ValueTask<FederationResult<RemoteDeviceList>> GetUserDevicesAsync(
        string server, string userId, CancellationToken stop)
    {
        var sent = await client.SendAsync(Get(server, $"{V1}user/devices/{Escaped(userId)}"), stop);
        return sent.Then<RemoteDeviceList>(response =>
            response.Text("user_id") != userId ? Lacks("user_id")
            : response.Number("stream_id") is not { } streamId ? Lacks("stream_id")
            : new RemoteDeviceList(
                streamId,
                [.. response.Children("devices").Select(DeviceOf).OfType<RemoteDevice>()],
                response.Child("master_key"),
                response.Child("self_signing_key")));
    }

    private static RemoteDevice? DeviceOf(JsonObject device) =>
        device.Text("device_id") is { } id
            ? new RemoteDevice(id, device.Child("keys"), device.Text("device_display_name"))
            : null;
}
