using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Notifications;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;

namespace Matrix.Host.Api.Client.Notifications;

/// <summary>The events that a user was notified of. v1.19 client-server-api#listing-notifications</summary>
internal sealed class Notifications(NotificationList list, ClientEvents events) : IEndpoints
{
    private const int UsualLimit = 20;
    private const int MostEvents = 200;

    private sealed record Asked(string? From, int Limit, bool OnlyHighlights);

    // v1.19 client-server-api#get_matrixclientv3notifications
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody).Get(
        "notifications", Read, ListAsync, RouteOptions.Default with { IsLarge = true });

    // Unknown filters of `only` are none.
    private static Asked Read(QueryReader query) => new(
        query.Token("from"),
        (int)Math.Min(query.Number("limit", 1) ?? UsualLimit, MostEvents),
        query.Text("only") == "highlight");

    private async ValueTask<Answer> ListAsync(Call call, Asked asked, CancellationToken stop)
    {
        var page = await list.PageAsync(call.Caller.UserId, asked.From, asked.Limit, asked.OnlyHighlights, stop);
        if (page is null) return Answer.InvalidParam("`from` is not a token of this list.");
        return Answer.InSteps(call, async (response, stop) =>
        {
            var output = response.Buffer;
            var writer = events.For(new UserDevice(call.Caller.UserId, call.Caller.DeviceId));
            output.Raw("{\"notifications\":["u8);
            var isFirst = true;
            foreach (var notification in page.Notifications)
            {
                if (!isFirst) output.Byte((byte)',');
                isFirst = false;
                output.Raw("{\"actions\":"u8);
                CanonicalJson.Write(output, ((Json.Object)notification.Rule.ActionsJson).Item.Value(0));
                output.Raw(",\"event\":"u8);
                writer.Write(output, notification.Event, default, withRoomId: false);
                output.Raw(notification.IsRead ? ",\"read\":true,\"room_id\":"u8 : ",\"read\":false,\"room_id\":"u8);
                CanonicalJson.WriteString(output, notification.Event.Room.RoomId);
                output.Raw(",\"ts\":"u8);
                CanonicalJson.WriteInt(output, notification.Event.OriginServerTs);
                output.Byte((byte)'}');
                await response.StepAsync(stop);
            }

            output.Byte((byte)']');
            if (page.Next is { } next)
            {
                output.Raw(",\"next_token\":"u8);
                CanonicalJson.WriteString(output, next);
            }

            output.Byte((byte)'}');
            return null;
        });
    }
}
