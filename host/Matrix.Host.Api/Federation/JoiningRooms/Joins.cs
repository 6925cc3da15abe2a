using Matrix.Core.Json;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Joining;

namespace Matrix.Host.Api.Federation.JoiningRooms;

/// <summary>
/// Joins of other servers' users through this server. v1.19 server-server-api#joining-rooms
/// </summary>
internal sealed class Joins(ResidentJoins joins, FederationOptions server, NetworkOptions options)
    : IFederationEndpoints
{
    private const string Send = "send_join/{roomId}/{eventId}";

    /// <summary>The room version of a server that names none.</summary>
    private static readonly string[] _onlyFirst = ["1"];

    private static readonly RouteOptions _event = RouteOptions.ForServers with
    {
        Rate = RateClass.ServerMembership,
        Body = BodyLimit.Event,
    };

    public void Map(FederationRoutes routes)
    {
        // v1.19 server-server-api#get_matrixfederationv1make_joinroomiduserid
        routes.Of(RouteOwner.Room).Get("make_join/{roomId}/{userId}", static query => query.Texts("ver"), MakeAsync);
        // v1.19 server-server-api#put_matrixfederationv2send_joinroomideventid
        routes.Of(RouteOwner.Room).V2.Put(Send, static body => body.Whole, SendAsync, _event);

        // The specification has no longer the first version, whose response is in a list.
        if (!options.LegacyFederation) return;
        routes.Of(RouteOwner.Room).Put(Send, static body => body.Whole, SendAsListAsync, _event);
    }

    private async ValueTask<Answer> MakeAsync(Call call, string[] versions, CancellationToken stop)
    {
        var made = await joins.MakeJoinAsync(
            call.Peer.ServerName,
            call["roomId"],
            call["userId"],
            versions.Length == 0 ? _onlyFirst : versions,
            stop);
        return Templates.AnswerOf(made);
    }

    private async ValueTask<Answer> SendAsync(Call call, JsonObject join, CancellationToken stop)
    {
        var joined = await JoinAsync(call, join, stop);
        return joined.IsOk ? Room(joined.Value, inList: false) : RoomAnswers.Of(joined.Failure);
    }

    private async ValueTask<Answer> SendAsListAsync(Call call, JsonObject join, CancellationToken stop)
    {
        var joined = await JoinAsync(call, join, stop);
        return joined.IsOk ? Room(joined.Value, inList: true) : RoomAnswers.Of(joined.Failure);
    }

    private ValueTask<RoomResult<JoinedThroughHere>> JoinAsync(Call call, JsonObject join, CancellationToken stop) =>
        joins.SendJoinAsync(call.Peer.ServerName, call["roomId"], call["eventId"], join, stop);

    /// <summary>The response. In version 1 it is in a list, after the status.</summary>
    private Answer Room(JoinedThroughHere joined, bool inList)
    {
        var response = new ServedEvents();
        if (inList) response.Raw("[200,"u8);
        response.Raw("{\"auth_chain\":"u8).Events(joined.Room.AuthChain);
        if (!inList) response.Raw(",\"event\":"u8).Event(joined.Join).Raw(",\"members_omitted\":false"u8);
        response
            .Raw(",\"origin\":"u8).Text(server.ServerName)
            .Raw(",\"state\":"u8).Events(joined.Room.State)
            .Raw("}"u8);
        if (inList) response.Raw("]"u8);
        return response.ToAnswer(joined.Room);
    }
}
