using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Client.AppServices;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Uploads of a device's keys: `POST /keys/upload`. Client-Server API, "Key management API".</summary>
internal sealed class UploadKeys(DeviceKeyUploads uploads) : IEndpoints
{
    public void Map(ClientRoutes routes) => routes.Post(
        "keys/upload",
        Read,
        Upload,
        new RouteOptions { Access = Access.UsersAndGuests, Body = BodyLimit.Large, CanonicalBody = true });

    private async ValueTask<Answer> Upload(Call call, KeyUpload upload, CancellationToken stop)
    {
        var caller = call.Caller;
        if (!caller.HasDevice) return ServiceAnswers.NoDevice;
        if (upload.DeviceKeys is { } keys && !AreOf(keys, caller))
        {
            return Answer.InvalidParam("`device_keys` must name the user and the device that upload them.");
        }

        var uploaded = await uploads.UploadAsync(caller.Device, upload, stop).ConfigureAwait(false);
        if (!uploaded.IsOk) return UserAnswers.Of(uploaded.Failure);
        return Answer.Json(uploaded.Value.OneTime, static (json, counts) =>
        {
            json.WriteStartObject("one_time_key_counts");
            foreach (var (algorithm, count) in counts) json.WriteNumber(algorithm, count);
            json.WriteEndObject();
        });
    }

    private static bool AreOf(JsonObject keys, Caller caller) =>
        Text(keys, "user_id") == caller.UserId && Text(keys, "device_id") == caller.DeviceId;

    private static string? Text(JsonObject json, string name) =>
        json.Value(json.IndexOf(name)) is Json.String text ? text.Item : null;

    private static KeyUpload Read(BodyReader body)
    {
        var keys = body.Inner("device_keys");
        if (keys is not null) CheckDeviceKeys(keys);
        var fallback = ReadKeys(body, "fallback_keys");
        if (fallback.CountBy(key => key.Algorithm).Any(algorithm => algorithm.Value > 1))
        {
            body.Refuse(MatrixError.InvalidParam, "`fallback_keys` may have only one key of each algorithm.");
        }

        return new KeyUpload(keys?.Whole, ReadKeys(body, "one_time_keys"), fallback);
    }

    /// <summary>
    /// Checks the form only. Clients that trust the key verify the device's own signature, and ignore a device without
    /// a valid one.
    /// </summary>
    private static void CheckDeviceKeys(BodyReader keys)
    {
        keys.RequiredText("user_id");
        keys.RequiredText("device_id");
        keys.RequiredTexts("algorithms");
        KeyBodies.CheckTexts(keys.RequiredInner("keys"));
        KeyBodies.CheckSignatures(keys.RequiredInner("signatures"));
    }

    private static List<UploadedKey> ReadKeys(BodyReader body, string name)
    {
        if (body.Inner(name) is not { } given) return [];
        var keys = new List<UploadedKey>(given.Whole.Count);
        foreach (var (at, id) in given.Names().Index())
        {
            var value = given.Whole.Value(at);
            if (!Identifiers.TryKeyId(id, out var algorithm, out var identifier))
            {
                body.Refuse(MatrixError.BadJson, $"`{given.PathOf(id)}` must be named algorithm:id.");
                break;
            }

            if (value is not Json.String) CheckKeyObject(given.RequiredInner(id));
            keys.Add(new UploadedKey(algorithm, identifier, value));
        }

        return keys;
    }

    private static void CheckKeyObject(BodyReader key)
    {
        key.RequiredText("key");
        KeyBodies.CheckSignatures(key.RequiredInner("signatures"));
    }
}
