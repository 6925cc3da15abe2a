using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network;
using Matrix.Host.Rooms.Inviting;

namespace Matrix.Host.Api.Federation.LeavingRooms;

/// <summary>
/// Leaves of other servers' users through this server. v1.19 server-server-api#leaving-rooms-rejecting-invites
/// </summary>
internal sealed class Leaves(ResidentMemberships memberships, NetworkOptions options) : IFederationEndpoints
{
    private const string Send = "send_leave/{roomId}/{eventId}";

    private static readonly RouteOptions _event = RouteOptions.ForServers with { Body = BodyLimit.Event };
    private static readonly Answer _emptyList = Answer.Bytes("[200,{}]"u8.ToArray());

    public void Map(FederationRoutes routes)
    {
        // v1.19 server-server-api#get_matrixfederationv1make_leaveroomiduserid
        routes.Of(RouteOwner.Room).Get("make_leave/{roomId}/{userId}", MakeAsync);
        // v1.19 server-server-api#put_matrixfederationv2send_leaveroomideventid
        routes.Of(RouteOwner.Room).V2.Put(Send, static body => body.Whole, SendAsync, _event);

        // The specification has no longer the first version, whose response is in a list.
        if (!options.LegacyFederation) return;
        routes.Of(RouteOwner.Room).Put(Send, static body => body.Whole, SendAsListAsync, _event);
    }

    private async ValueTask<Answer> MakeAsync(Call call, CancellationToken stop) => Templates.AnswerOf(
        await memberships.MakeLeaveAsync(call.Peer.ServerName, call["roomId"], call["userId"], stop));

    private async ValueTask<Answer> SendAsync(Call call, JsonObject leave, CancellationToken stop) =>
        RoomAnswers.Empty(await memberships.SendLeaveAsync(
            call.Peer.ServerName, call["roomId"], call["eventId"], leave, stop));

    private async ValueTask<Answer> SendAsListAsync(Call call, JsonObject leave, CancellationToken stop) =>
        await memberships.SendLeaveAsync(
            call.Peer.ServerName, call["roomId"], call["eventId"], leave, stop) is { } failure
            ? RoomAnswers.Of(failure)
            : _emptyList;
}
