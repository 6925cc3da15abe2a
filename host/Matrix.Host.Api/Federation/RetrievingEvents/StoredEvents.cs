using System.Globalization;
using System.Text;
using Matrix.Core.Event;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Servers;

namespace Matrix.Host.Api.Federation.RetrievingEvents;

/// <summary>
/// Events, states and auth chains for servers in a room. v1.19 server-server-api#retrieving-events,
/// v1.19 server-server-api#retrieving-event-authorisation-information
/// </summary>
internal sealed class StoredEvents(ServedHistory history, FederationOptions server, TimeProvider time)
    : IFederationEndpoints
{
    public void Map(FederationRoutes routes)
    {
        // v1.19 server-server-api#get_matrixfederationv1eventeventid
        routes.Of(RouteOwner.Nobody).Get("event/{eventId}", EventAsync);
        // v1.19 server-server-api#get_matrixfederationv1stateroomid
        routes.Of(RouteOwner.Nobody).Get("state/{roomId}", static query => query.RequiredText("event_id"), StateAsync);
        // v1.19 server-server-api#get_matrixfederationv1state_idsroomid
        routes.Of(RouteOwner.Nobody).Get(
            "state_ids/{roomId}", static query => query.RequiredText("event_id"), StateIdsAsync);
        // v1.19 server-server-api#get_matrixfederationv1event_authroomideventid
        routes.Of(RouteOwner.Nobody).Get("event_auth/{roomId}/{eventId}", EventAuthAsync);
    }

    private async ValueTask<Answer> EventAsync(Call call, CancellationToken stop)
    {
        var found = await history.EventAsync(call.Peer.ServerName, call["eventId"], stop);
        return found.IsOk ? Transaction(server, time, [found.Value]) : RoomAnswers.Of(found.Failure);
    }

    private async ValueTask<Answer> StateAsync(Call call, string eventId, CancellationToken stop)
    {
        var served = await history.StateAsync(call.Peer.ServerName, call["roomId"], eventId, stop);
        if (!served.IsOk) return RoomAnswers.Of(served.Failure);
        return new ServedEvents()
            .Raw("{\"auth_chain\":"u8).Events(served.Value.AuthChain)
            .Raw(",\"pdus\":"u8).Events(served.Value.State)
            .Raw("}"u8)
            .ToAnswer(served.Value);
    }

    private async ValueTask<Answer> StateIdsAsync(Call call, string eventId, CancellationToken stop)
    {
        var served = await history.StateAsync(call.Peer.ServerName, call["roomId"], eventId, stop);
        if (!served.IsOk) return RoomAnswers.Of(served.Failure);
        return new ServedEvents()
            .Raw("{\"auth_chain_ids\":"u8).Ids(served.Value.AuthChain)
            .Raw(",\"pdu_ids\":"u8).Ids(served.Value.State)
            .Raw("}"u8)
            .ToAnswer(served.Value);
    }

    private async ValueTask<Answer> EventAuthAsync(Call call, CancellationToken stop)
    {
        var chain = await history.AuthChainAsync(call.Peer.ServerName, call["roomId"], call["eventId"], stop);
        if (!chain.IsOk) return RoomAnswers.Of(chain.Failure);
        return new ServedEvents()
            .Raw("{\"auth_chain\":"u8).Events(chain.Value.AuthChain)
            .Raw("}"u8)
            .ToAnswer(chain.Value);
    }

    /// <summary>A response in the form of a transaction.</summary>
    internal static Answer Transaction(FederationOptions server, TimeProvider time, IReadOnlyList<Pdu> events)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        return new ServedEvents()
            .Raw("{\"origin\":"u8).Text(server.ServerName)
            .Raw(",\"origin_server_ts\":"u8).Raw(Encoding.ASCII.GetBytes(now))
            .Raw(",\"pdus\":"u8).Events(events)
            .Raw("}"u8)
            .ToAnswer();
    }
}
