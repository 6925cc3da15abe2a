using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.Keys;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.Profiles;

namespace Matrix.Host.Api.Federation.DeviceManagement;

/// <summary>Device lists of local users. v1.19 server-server-api#device-management</summary>
internal sealed class ServedUserDevices(DeviceLists lists, FederationOptions server) : IFederationEndpoints
{
    private static readonly Answer _notLocal = Answer.InvalidParam("The user is not a user of this server.");

    // v1.19 server-server-api#get_matrixfederationv1userdevicesuserid
    public void Map(FederationRoutes routes) => routes.Of(RouteOwner.Nobody).Get("user/devices/{userId}", GetAsync);

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var userId = call["userId"];
        if (!server.IsLocalUser(userId)) return _notLocal;
        if (await lists.FindAsync(userId, stop) is not { } list)
        {
            return UserAnswers.Of(UserProfiles.NoUser);
        }

        return KeyAnswers.Object(Members(userId, list));
    }

    private static IEnumerable<(string, Json)> Members(string userId, DeviceList list)
    {
        yield return ("user_id", Json.Of(userId));
        yield return ("stream_id", Json.Of(list.StreamId));
        yield return ("devices", Json.Of([.. list.Devices.Select(DeviceOf)]));
        if (list.MasterKey is { } master) yield return ("master_key", Json.Of(master));
        if (list.SelfSigningKey is { } own) yield return ("self_signing_key", Json.Of(own));
    }

    private static Json DeviceOf(ListedDevice device)
    {
        List<(string, Json)> members =
            [("device_id", Json.Of(device.DeviceId)), ("keys", Json.Of(device.Keys))];
        if (device.DisplayName is { } name) members.Add(("device_display_name", Json.Of(name)));
        return Json.Of(JsonObject.OfSeq(members));
    }
}
