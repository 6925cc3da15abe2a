using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.ListingRooms;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Rooms.Summaries;

namespace Matrix.Host.Api.Federation.PublicRoomDirectory;

/// <summary>This server's published rooms. v1.19 server-server-api#published-room-directory</summary>
internal sealed class ServedPublicRooms(PublishedRooms published, FederationOptions server) : IFederationEndpoints
{
    private static readonly Answer _notServed =
        Answer.Forbidden("This server does not show its directory to other servers.");

    public void Map(FederationRoutes routes)
    {
        // v1.19 server-server-api#get_matrixfederationv1publicrooms
        routes.Of(RouteOwner.Nobody).Get("publicRooms", ReadQuery, ListAsync);
        // v1.19 server-server-api#post_matrixfederationv1publicrooms
        routes.Of(RouteOwner.Nobody).Post("publicRooms", PublicRoomsBody.Read, ListAsync, RouteOptions.ForServers);
    }

    private static PublicRoomsQuery ReadQuery(QueryReader query) => new(
        (int?)Math.Min(query.Number("limit") ?? 0, int.MaxValue),
        query.Token("since"),
        null,
        null,
        query.Flag("include_all_networks"),
        query.Text("third_party_instance_id"));

    private async ValueTask<Answer> ListAsync(Call call, PublicRoomsQuery query, CancellationToken stop)
    {
        if (!server.ServesDirectory) return _notServed;
        var page = await published.PageAsync(query, stop);
        return page.IsOk ? Answer.Json(page.Value, Summaries.WritePage) : RoomAnswers.Of(page.Failure);
    }
}
