using System.Globalization;
using Matrix.Core.Json;
using Matrix.Host.Api.Client.Keys;
using Matrix.Host.Api.Client.Login;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Devices;

namespace Matrix.Host.Api.Client.Devices;

/// <summary>
/// The device that gets messages while its user is logged out: stored, read and deleted by the user's clients. MSC3814,
/// which is not merged. Messages are read by GET, or by POST as earlier drafts have it.
/// </summary>
internal sealed class Dehydrated(DehydratedDevices devices, ClientOptions options) : IEndpoints
{
    private const string Form = "d";
    private const int UsualLimit = 100;
    private const int HighestLimit = 1000;

    private static readonly Answer _none = Answer.NotFound("You have no dehydrated device.");

    public void Map(ClientRoutes routes)
    {
        var unstable = routes.Of(RouteOwner.Nobody).At("/_matrix/client/unstable/org.matrix.msc3814.v1/");
        unstable.Get("dehydrated_device", GetAsync);
        unstable.Put(
            "dehydrated_device",
            Read,
            PutAsync,
            new RouteOptions { Body = BodyLimit.Large, CanonicalBody = true, OpenToSuspended = true });
        unstable.Delete("dehydrated_device", DeleteAsync, RouteOptions.AlsoSuspended);
        unstable.Get("dehydrated_device/{deviceId}/events", (call, stop) =>
            MessagesAsync(call, call.Query.Token("from"), always: false, stop));
        unstable.Post(
            "dehydrated_device/{deviceId}/events",
            static body => body.Token("next_batch"),
            (call, from, stop) => MessagesAsync(call, from, always: true, stop),
            RouteOptions.AlsoSuspended);
    }

    private async ValueTask<Answer> GetAsync(Call call, CancellationToken stop)
    {
        var device = await devices.FindAsync(call.Caller.UserId, stop);
        if (device is null) return _none;
        return Answer.Json(device, static (json, device) =>
        {
            json.WriteString("device_id", device.DeviceId);
            json.WritePropertyName("device_data");
            json.WriteRawValue(device.Data.Span, skipInputValidation: true);
        });
    }

    private async ValueTask<Answer> PutAsync(Call call, Dehydration wish, CancellationToken stop)
    {
        var userId = call.Caller.UserId;
        if (!KeyBodies.AreOf(wish.Keys.DeviceKeys!, userId, wish.DeviceId))
        {
            return Answer.InvalidParam("`device_keys` must name the user and the dehydrated device.");
        }

        var failure = await devices.PutAsync(userId, wish, stop);
        return failure is null ? Named(wish.DeviceId) : UserAnswers.Of(failure, options);
    }

    private async ValueTask<Answer> DeleteAsync(Call call, CancellationToken stop) =>
        await devices.DeleteAsync(call.Caller.UserId, stop) is { } deviceId
            ? Named(deviceId)
            : _none;

    private async ValueTask<Answer> MessagesAsync(Call call, string? from, bool always, CancellationToken stop)
    {
        var limit = call.Query.Number("limit") ?? UsualLimit;
        if (call.Query.Problem is { } problem) return problem;
        if (limit < 1) return Answer.InvalidParam("`limit` must be at least 1.");
        var after = 0L;
        if (from is not null && !TryParse(from, out after))
        {
            return Answer.InvalidParam("That is no token of these messages.");
        }

        var page = await devices.MessagesAsync(
            call.Caller.Device with { DeviceId = call["deviceId"] },
            after,
            (int)Math.Min(limit, HighestLimit),
            stop);
        if (!page.IsOk) return UserAnswers.Of(page.Failure);
        return Answer.Json((page.Value, always), static (json, result) =>
        {
            var (page, always) = result;
            json.WriteStartArray("events");
            foreach (var message in page.Messages)
            {
                json.WriteRawValue(message.Json.Span, skipInputValidation: true);
            }

            json.WriteEndArray();
            if (!always && !page.HasMore) return;
            json.WriteString("next_batch", string.Create(CultureInfo.InvariantCulture, $"{Form}{page.Through}"));
        });
    }

    private static Answer Named(string deviceId) =>
        Answer.Json(deviceId, static (json, deviceId) => json.WriteString("device_id", deviceId));

    private static bool TryParse(string text, out long position)
    {
        position = 0;
        return text.StartsWith(Form, StringComparison.Ordinal)
            && long.TryParse(text.AsSpan(Form.Length), NumberStyles.None, CultureInfo.InvariantCulture, out position);
    }

    private static Dehydration Read(BodyReader body)
    {
        var deviceId = body.RequiredText("device_id");
        if (deviceId.Length is 0 or > LoginBody.LongestDeviceId)
        {
            body.Refuse(
                MatrixError.InvalidParam, $"`device_id` must have 1 to {LoginBody.LongestDeviceId} characters.");
        }

        _ = body.RequiredContent("device_keys");
        return new Dehydration(
            deviceId,
            LoginBody.ReadDisplayName(body, "initial_device_display_name"),
            CanonicalJson.Bytes(Json.Of(body.RequiredContent("device_data"))),
            KeyBodies.Upload(body));
    }
}
