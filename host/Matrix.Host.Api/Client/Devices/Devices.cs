using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Login;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Users.Devices;

namespace Matrix.Host.Api.Client.Devices;

/// <summary>A user's devices. v1.19 client-server-api#device-management</summary>
internal sealed class Devices(
    DeviceManagement devices, UserInteractiveAuth interactive, ClientOptions options) : IEndpoints
{
    private static readonly Answer _none = Answer.NotFound("You have no such device.");

    public void Map(ClientRoutes routes)
    {
        var open = new RouteOptions { Access = Access.UsersAndGuests, OpenToSuspended = true };
        // v1.19 client-server-api#get_matrixclientv3devices
        routes.Of(RouteOwner.Nobody).Get("devices", ListAsync, open);
        // v1.19 client-server-api#get_matrixclientv3devicesdeviceid
        routes.Of(RouteOwner.Nobody).Get("devices/{deviceId}", GetAsync, open);
        // v1.19 client-server-api#put_matrixclientv3devicesdeviceid
        routes.Of(RouteOwner.Nobody).Put(
            "devices/{deviceId}",
            static body => new Renaming(LoginBody.ReadDisplayName(body, "display_name")),
            RenameAsync,
            open);
        // v1.19 client-server-api#delete_matrixclientv3devicesdeviceid
        routes.Of(RouteOwner.InBody).Delete(
            "devices/{deviceId}", static body => body.Whole, DeleteOneAsync, RouteOptions.AlsoSuspended);
        // v1.19 client-server-api#post_matrixclientv3delete_devices
        routes.Of(RouteOwner.InBody).Post(
            "delete_devices",
            static body => new Deletion(body.Whole, body.RequiredTexts("devices")),
            DeleteManyAsync,
            RouteOptions.AlsoSuspended);
    }

    private async ValueTask<Answer> ListAsync(Call call, CancellationToken stop)
    {
        var list = await devices.ListAsync(call.Caller.Device, call.Address, stop);
        return Answer.Json(list, static (json, all) =>
        {
            json.WriteStartArray("devices");
            foreach (var device in all)
            {
                json.WriteStartObject();
                Write(json, device);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var device = await devices.FindAsync(call.Caller.Device, call.Address, call["deviceId"], stop);
        return device is null ? _none : Answer.Json(device, Write);
    }

    private async ValueTask<Answer> RenameAsync(Call call, Renaming wish, CancellationToken stop)
    {
        var device = call.Caller.Device with { DeviceId = call["deviceId"] };
        if (await devices.RenameAsync(device, wish.Name, stop)) return Answer.Empty;
        if (call.Service is null) return _none;

        // v1.19 application-service-api#creating-devices
        if (device.DeviceId.Length > LoginBody.LongestDeviceId)
        {
            return Answer.InvalidParam($"A device id has at most {LoginBody.LongestDeviceId} characters.");
        }

        var failure = await devices.CreateAsync(device, wish.Name, stop);
        return failure is null ? Answer.Json(static _ => { }, 201) : UserAnswers.Of(failure, options);
    }

    private ValueTask<Answer> DeleteOneAsync(Call call, JsonObject body, CancellationToken stop) =>
        DeleteAsync(call, new Deletion(body, [call["deviceId"]]), stop);

    private ValueTask<Answer> DeleteManyAsync(Call call, Deletion deletion, CancellationToken stop) =>
        DeleteAsync(call, deletion, stop);

    private async ValueTask<Answer> DeleteAsync(Call call, Deletion deletion, CancellationToken stop)
    {
        var userId = call.Caller.UserId;
        // v1.19 application-service-api#deleting-devices
        if (call.Service is not null)
        {
            var isActive = new UserIsActive(userId);
            return await devices.DeleteAsync(userId, deletion.DeviceIds, isActive, stop)
                ? Answer.Empty
                : Answer.Error(403, MatrixError.UserDeactivated, "The account has been deactivated.");
        }

        var demand = new AuthDemand(AuthFlow.Password, userId);
        var auth = await interactive.DemandAsync(call, deletion.Body, demand, stop);
        if (auth.Refusal is { } refusal) return refusal;

        return await devices.DeleteAsync(userId, deletion.DeviceIds, auth.NewCondition(), stop)
            ? UserInteractiveAuth.Grant(auth, Answer.Empty)
            : interactive.AskAgain(auth);
    }

    /// <summary>Null where nothing is known: some clients refuse a response without the member. Decision 23.</summary>
    private static void Write(Utf8JsonWriter json, DeviceRow device)
    {
        json.WriteString("device_id", device.DeviceId);
        json.WriteString("display_name", device.DisplayName);
        json.WriteString("last_seen_ip", device.LastSeenIp);
        if (device.LastSeenAt is { } at) json.WriteNumber("last_seen_ts", at);
        else json.WriteNull("last_seen_ts");
    }

    private sealed record Renaming(string? Name);

    private sealed record Deletion(JsonObject Body, IReadOnlyCollection<string> DeviceIds);
}
