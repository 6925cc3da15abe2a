using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Api.Client.DelayedEvents;

/// <summary>
/// Lists, restarts, sends and cancels delayed events. Whoever knows an event's `delay_id` may do so: the service that
/// carries a call ends a member's part of it without a token. MSC4140, which is not merged.
/// </summary>
internal sealed class ManageDelays(Rooms.Delayed.DelayedEvents delayed) : IEndpoints
{
    private static readonly Answer _unknown = Answer.NotFound("No event waits under this `delay_id`.");

    public void Map(ClientRoutes routes)
    {
        // Their events are refused when they are sent.
        var anyone = new RouteOptions { Access = Access.Optional, OpenToSuspended = true };
        var unstable = routes.At("/_matrix/client/unstable/org.matrix.msc4140/");
        unstable.Of(RouteOwner.Nobody).Get(
            "delayed_events", ListAsync, new RouteOptions { Access = Access.UsersAndGuests });
        var ofRoom = unstable.Of(RouteOwner.Found(FindAsync));
        ofRoom.Post("delayed_events/{delayId}", static body => body.RequiredText("action"), RunActionAsync, anyone);
        foreach (var action in (string[])["restart", "send", "cancel"])
        {
            ofRoom.Post(
                $"delayed_events/{{delayId}}/{action}",
                static body => body.Whole,
                (call, _, stop) => RunActionAsync(call, action, stop),
                anyone with { BodyMayBeMissing = true });
        }
    }

    private async ValueTask<Authority> FindAsync(RoutedRequest request, CancellationToken stop) =>
        await delayed.RoomOfAsync(request["delayId"], stop) is { } roomId
            ? Authority.Room(roomId)
            : Authority.Nobody;

    private async ValueTask<Answer> ListAsync(Call call, CancellationToken stop)
    {
        var rows = await delayed.OfUserAsync(call.Caller.UserId, stop);
        return Answer.Json(rows, static (json, rows) =>
        {
            json.WriteStartArray("delayed_events");
            foreach (var row in rows)
            {
                json.WriteStartObject();
                json.WriteString("delay_id", row.DelayId);
                json.WriteString("room_id", row.RoomId);
                json.WriteString("type", row.Type);
                if (row.StateKey is { } key) json.WriteString("state_key", key);
                json.WriteNumber("delay", row.Delay);
                json.WriteNumber("running_since", row.Since);
                json.WritePropertyName("content");
                json.WriteRawValue(row.Content.Span, skipInputValidation: true);
                json.WriteEndObject();
            }

            json.WriteEndArray();
        });
    }

    private async ValueTask<Answer> RunActionAsync(Call call, string action, CancellationToken stop)
    {
        var delayId = call["delayId"];
        switch (action)
        {
            case "restart":
                return await delayed.RestartAsync(delayId, stop) ? Answer.Empty : _unknown;
            case "cancel":
                return await delayed.CancelAsync(delayId, stop) ? Answer.Empty : _unknown;
            case "send":
                var (isKnown, failure) = await delayed.SendAsync(delayId, stop);
                return isKnown ? RoomAnswers.Empty(failure) : _unknown;
            default:
                return Answer.InvalidParam("`action` must be `restart`, `send` or `cancel`.");
        }
    }
}
