using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.RoomReading;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Servers;

namespace Matrix.Host.Api.Federation.RetrievingEvents;

/// <summary>
/// The event closest to a time, for servers in the room. v1.19 server-server-api#retrieving-events
/// </summary>
internal sealed class ServedEventTimes(RoomTimes times) : IFederationEndpoints
{
    public void Map(FederationRoutes routes) =>
        // v1.19 server-server-api#get_matrixfederationv1timestamp_to_eventroomid
        routes.Of(RouteOwner.Nobody).Get("timestamp_to_event/{roomId}", TimeQuery.Read, GetAsync);

    private async ValueTask<Answer> GetAsync(Call call, TimeQuery asked, CancellationToken stop)
    {
        var found = await times.OfServerAsync(
            call.Peer.ServerName, call["roomId"], asked.Timestamp, asked.IsForwards, stop);
        return found.IsOk ? TimeQuery.AnswerOf(asked, found.Value) : RoomAnswers.Of(found.Failure);
    }
}
