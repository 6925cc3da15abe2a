using System.Text.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Moderation;

namespace Matrix.Host.Api.Client.ServerAdministration;

/// <summary>
/// Where a user's devices were last seen, for the user and for administrators.
/// v1.19 client-server-api#server-administration
/// </summary>
internal sealed class WhoIs(SeenDevices devices) : IEndpoints
{
    // v1.19 client-server-api#get_matrixclientv3adminwhoisuserid
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody).Get("admin/whois/{userId}", GetAsync);

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var userId = call["userId"];
        var found = await devices.OfAsync(call.Caller, userId, stop);
        if (!found.IsOk) return UserAnswers.Of(found.Failure);
        return Answer.Json((userId, Devices: found.Value), static (json, it) =>
        {
            json.WriteString("user_id", it.userId);
            json.WriteStartObject("devices");
            foreach (var device in it.Devices) WriteDevice(json, device);
            json.WriteEndObject();
        });
    }

    /// <summary>A device has one session, of which only the latest connection is kept.</summary>
    private static void WriteDevice(Utf8JsonWriter json, DeviceRow device)
    {
        json.WriteStartObject(device.DeviceId);
        json.WriteStartArray("sessions");
        json.WriteStartObject();
        json.WriteStartArray("connections");
        if (device is { LastSeenAt: { } seenAt, LastSeenIp: { } address })
        {
            json.WriteStartObject();
            json.WriteString("ip", address);
            json.WriteNumber("last_seen", seenAt);
            if (device.LastUserAgent is { } agent) json.WriteString("user_agent", agent);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
