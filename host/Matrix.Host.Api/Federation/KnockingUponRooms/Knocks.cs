using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Inviting;

namespace Matrix.Host.Api.Federation.KnockingUponRooms;

/// <summary>Knocks of other servers' users through this server. v1.19 server-server-api#knocking-rooms</summary>
internal sealed class Knocks(ResidentMemberships memberships) : IFederationEndpoints
{
    private static readonly RouteOptions _event = RouteOptions.ForServers with
    {
        Rate = RateClass.ServerMembership,
        Body = BodyLimit.Event,
    };

    public void Map(FederationRoutes routes)
    {
        // v1.19 server-server-api#get_matrixfederationv1make_knockroomiduserid
        routes.Of(RouteOwner.Room).Get("make_knock/{roomId}/{userId}", static query => query.Texts("ver"), MakeAsync);
        // v1.19 server-server-api#put_matrixfederationv1send_knockroomideventid
        routes.Of(RouteOwner.Room).Put("send_knock/{roomId}/{eventId}", static body => body.Whole, SendAsync, _event);
    }

    private async ValueTask<Answer> MakeAsync(Call call, string[] versions, CancellationToken stop) =>
        Templates.AnswerOf(await memberships.MakeKnockAsync(
            call.Peer.ServerName, call["roomId"], call["userId"], versions, stop));

    private async ValueTask<Answer> SendAsync(Call call, JsonObject knock, CancellationToken stop)
    {
        var sent = await memberships.SendKnockAsync(call.Peer.ServerName, call["roomId"], call["eventId"], knock, stop);
        return sent.IsOk ? Answer.Bytes(State(sent.Value)) : RoomAnswers.Of(sent.Failure);
    }

    private static byte[] State(IReadOnlyList<Pdu> events)
    {
        using var bytes = new ByteBuffer();
        bytes.Raw("{\"knock_room_state\":["u8);
        for (var at = 0; at < events.Count; at++)
        {
            if (at > 0) bytes.Raw(","u8);
            bytes.Raw(events[at].Canonical.Span);
        }

        bytes.Raw("]}"u8);
        return bytes.ToArray();
    }
}
