using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Uploads of a device's keys: `POST /keys/upload`. v1.19 client-server-api#key-management-api</summary>
internal sealed class UploadKeys(DeviceKeyUploads uploads) : IEndpoints
{
    // v1.19 client-server-api#post_matrixclientv3keysupload
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody).Post(
        "keys/upload",
        KeyBodies.Upload,
        Upload,
        new RouteOptions
        {
            Access = Access.UsersAndGuests,
            Body = BodyLimit.Large,
            CanonicalBody = true,
            OpenToSuspended = true,
        });

    private async ValueTask<Answer> Upload(Call call, KeyUpload upload, CancellationToken stop)
    {
        var caller = call.Caller;
        if (!caller.HasDevice) return ServiceAnswers.NoDevice;
        if (upload.DeviceKeys is { } keys && !KeyBodies.AreOf(keys, caller.UserId, caller.DeviceId))
        {
            return Answer.InvalidParam("`device_keys` must name the user and the device that upload them.");
        }

        var uploaded = await uploads.UploadAsync(caller.Device, upload, stop);
        if (!uploaded.IsOk) return UserAnswers.Of(uploaded.Failure);
        return Answer.Json(uploaded.Value.OneTime, static (json, counts) =>
        {
            json.WriteStartObject("one_time_key_counts");
            foreach (var (algorithm, count) in counts) json.WriteNumber(algorithm, count);
            json.WriteEndObject();
        });
    }
}
