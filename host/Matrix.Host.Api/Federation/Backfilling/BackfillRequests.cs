using Matrix.Host.Api.Client;
using Matrix.Host.Api.Federation.RetrievingEvents;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Servers;

namespace Matrix.Host.Api.Federation.Backfilling;

/// <summary>History for servers in a room. v1.19 server-server-api#backfilling-and-retrieving-missing-events</summary>
internal sealed class BackfillRequests(ServedHistory history, FederationOptions server, TimeProvider time)
    : IFederationEndpoints
{
    private const int UsualMissing = 10;

    public void Map(FederationRoutes routes)
    {
        // v1.19 server-server-api#get_matrixfederationv1backfillroomid
        routes.Of(RouteOwner.Nobody).Get("backfill/{roomId}", ReadFrom, BackfillAsync);
        // v1.19 server-server-api#post_matrixfederationv1get_missing_eventsroomid
        routes.Of(RouteOwner.Nobody).Post(
            "get_missing_events/{roomId}", ReadMissing, MissingAsync, RouteOptions.ForServers);
    }

    private static (string[] From, int Limit) ReadFrom(QueryReader query)
    {
        var from = query.Texts("v");
        if (from.Length == 0) query.Refuse(MatrixError.MissingParam, "The query needs v.");
        if (query.Number("limit") is not { } limit)
        {
            query.Refuse(MatrixError.MissingParam, "The query needs limit.");
            return (from, 0);
        }

        return (from, (int)Math.Min(limit, int.MaxValue));
    }

    private static Missing ReadMissing(BodyReader body) => new(
        body.RequiredTexts("earliest_events"),
        body.RequiredTexts("latest_events"),
        (int)Math.Clamp(body.Number("limit") ?? UsualMissing, 0, int.MaxValue),
        body.Number("min_depth") ?? 0);

    private async ValueTask<Answer> BackfillAsync(Call call, (string[] From, int Limit) asked, CancellationToken stop)
    {
        var walked = await history.BackfillAsync(call.Peer.ServerName, call["roomId"], asked.From, asked.Limit, stop);
        return walked.IsOk
            ? StoredEvents.Transaction(server, time, walked.Value)
            : RoomAnswers.Of(walked.Failure);
    }

    private async ValueTask<Answer> MissingAsync(Call call, Missing asked, CancellationToken stop)
    {
        var found = await history.MissingAsync(
            call.Peer.ServerName,
            call["roomId"],
            asked.Earliest,
            asked.Latest,
            asked.Limit,
            asked.MinDepth,
            stop);
        if (!found.IsOk) return RoomAnswers.Of(found.Failure);
        return new ServedEvents().Raw("{\"events\":"u8).Events(found.Value).Raw("}"u8).ToAnswer();
    }

    private sealed record Missing(string[] Earliest, string[] Latest, int Limit, long MinDepth);
}
