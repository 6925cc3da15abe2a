using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Host.Api.Client.InteractiveAuth;
using Matrix.Host.Api.Client.Login;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Client.Devices;

/// <summary>A user's devices. Client-Server API, "Device Management".</summary>
internal sealed class Devices(IStorage storage, DeviceRemoval removal, UserInteractiveAuth interactive, TimeProvider clock) : IEndpoints
{
    private static readonly Answer _none = Answer.NotFound("You have no such device.");

    public void Map(ClientRoutes routes)
    {
        routes.Get("devices", ListAsync);
        routes.Get("devices/{deviceId}", GetAsync);
        routes.Put("devices/{deviceId}", static body => new Renaming(LoginBody.ReadDisplayName(body, "display_name")), RenameAsync);
        routes.Delete("devices/{deviceId}", static body => body.Whole, DeleteOneAsync);
        routes.Post("delete_devices", static body => new Deletion(body.Whole, body.RequiredTexts("devices")), DeleteManyAsync);
    }

    private async ValueTask<Answer> ListAsync(Call call, CancellationToken stop)
    {
        var devices = await storage.Accounts.DevicesAsync(call.Caller.UserId, stop).ConfigureAwait(false);
        return Answer.Json(devices.Select(device => Seen(call, device)), static (json, all) =>
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
        var device = await storage.Accounts.FindDeviceAsync(call.Caller.UserId, call["deviceId"], stop).ConfigureAwait(false);
        return device is null ? _none : Answer.Json(Seen(call, device), Write);
    }

    private async ValueTask<Answer> RenameAsync(Call call, Renaming wish, CancellationToken stop)
    {
        var (userId, deviceId) = (call.Caller.UserId, call["deviceId"]);
        if (wish.Name is not { } name)
        {
            return await storage.Accounts.FindDeviceAsync(userId, deviceId, stop).ConfigureAwait(false) is null ? _none : Answer.Empty;
        }

        // Others are shown the name beside the device's keys.
        var batch = new WriteBatch(2).Require(new DeviceRenamed(userId, deviceId, name)).Add(new DeviceListChanged(userId));
        var receipt = await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
        return receipt.Refused ? _none : Answer.Empty;
    }

    private ValueTask<Answer> DeleteOneAsync(Call call, JsonObject body, CancellationToken stop) =>
        DeleteAsync(call, new Deletion(body, [call["deviceId"]]), stop);

    private ValueTask<Answer> DeleteManyAsync(Call call, Deletion deletion, CancellationToken stop) => DeleteAsync(call, deletion, stop);

    private async ValueTask<Answer> DeleteAsync(Call call, Deletion deletion, CancellationToken stop)
    {
        var userId = call.Caller.UserId;
        var demand = new AuthDemand(AuthFlow.Password, userId);
        var auth = await interactive.DemandAsync(call, deletion.Body, demand, stop).ConfigureAwait(false);
        if (auth.Refusal is { } refusal) return refusal;

        var has = await removal.IdsAsync(userId, stop).ConfigureAwait(false);
        var batch = new WriteBatch().Require(auth.NewCondition());
        DeviceRemoval.AddTo(batch, userId, [.. deletion.DeviceIds.Distinct().Where(has.Contains)]);
        var receipt = await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
        return receipt.Refused ? UserInteractiveAuth.AskAgain(auth, demand) : UserInteractiveAuth.Grant(auth, Answer.Empty);
    }

    /// <summary>
    /// The device that asks is seen now; of the others the database says when, a minute late at most.
    /// </summary>
    private DeviceRow Seen(Call call, DeviceRow device) => device.DeviceId == call.Caller.DeviceId
        ? device with { LastSeenIp = call.Address, LastSeenAt = clock.GetUtcNow().ToUnixTimeMilliseconds() }
        : device;

    /// <summary>Null where nothing is known: clients refuse an answer that lacks a member. Decision 23.</summary>
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
