using System.Text.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.Login;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.Accounts;

/// <summary>The devices of an account, for administrators.</summary>
internal sealed class AccountDevices(DeviceAdministration devices) : IEndpoints
{
    private sealed record Renaming(string? Name);

    public void Map(ClientRoutes routes)
    {
        var admin = routes.Of(RouteOwner.Nobody).Admin(2);
        admin.Get("users/{userId}/devices", ListAsync);
        admin.Post("users/{userId}/devices", ReadDevice, CreateAsync);
        admin.Get("users/{userId}/devices/{deviceId}", GetAsync);
        admin.Put(
            "users/{userId}/devices/{deviceId}",
            static body => new Renaming(LoginBody.ReadDisplayName(body, "display_name")),
            RenameAsync);
        admin.Delete("users/{userId}/devices/{deviceId}", DeleteAsync);
        admin.Post("users/{userId}/delete_devices", static body => body.RequiredTexts("devices"), DeleteManyAsync);
    }

    private static string ReadDevice(BodyReader body)
    {
        var deviceId = body.RequiredText("device_id");
        if (body.Problem is null && deviceId.Length is 0 or > LoginBody.LongestDeviceId)
        {
            body.Refuse(
                MatrixError.InvalidParam, $"A device id has 1 to {LoginBody.LongestDeviceId} characters.");
        }

        return deviceId;
    }

    private async ValueTask<Answer> ListAsync(Call call, CancellationToken stop)
    {
        var all = await devices.ListAsync(call["userId"], stop);
        if (!all.IsOk) return UserAnswers.Of(all.Failure);
        return Answer.Json(all.Value, static (json, all) =>
        {
            json.WriteStartArray("devices");
            foreach (var device in all)
            {
                json.WriteStartObject();
                Write(json, device);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteNumber("total", all.Count);
        });
    }

    private static void Write(Utf8JsonWriter json, DeviceRow device)
    {
        json.WriteString("device_id", device.DeviceId);
        json.WriteString("display_name", device.DisplayName);
        json.WriteString("last_seen_ip", device.LastSeenIp);
        AdminCalls.WriteNumberOrNull(json, "last_seen_ts", device.LastSeenAt);
        json.WriteString("user_id", device.UserId);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var found = await devices.FindAsync(DeviceOf(call), stop);
        return found.IsOk ? Answer.Json(found.Value, Write) : UserAnswers.Of(found.Failure);
    }

    private async ValueTask<Answer> CreateAsync(Call call, string deviceId, CancellationToken stop)
    {
        var failure = await devices.CreateAsync(call.Actor(), new UserDevice(call["userId"], deviceId), stop);
        return failure is null ? Answer.Json(static _ => { }, 201) : UserAnswers.Of(failure);
    }

    private async ValueTask<Answer> RenameAsync(Call call, Renaming wish, CancellationToken stop) =>
        UserAnswers.Empty(await devices.RenameAsync(call.Actor(), DeviceOf(call), wish.Name, stop));

    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop) =>
        UserAnswers.Empty(await devices.DeleteAsync(call.Actor(), call["userId"], [call["deviceId"]], stop));

    private async ValueTask<Answer> DeleteManyAsync(Call call, string[] deviceIds, CancellationToken stop) =>
        UserAnswers.Empty(await devices.DeleteAsync(call.Actor(), call["userId"], deviceIds, stop));

    private static UserDevice DeviceOf(Call call) => new(call["userId"], call["deviceId"]);
}
