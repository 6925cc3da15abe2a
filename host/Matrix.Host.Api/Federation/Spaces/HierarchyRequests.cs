using Matrix.Host.Api.Client;
using Matrix.Host.Api.Client.ListingRooms;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Summaries;

namespace Matrix.Host.Api.Federation.Spaces;

/// <summary>A space and its rooms, as far as the other server may see them. v1.19 server-server-api#spaces</summary>
internal sealed class HierarchyRequests(SpaceHierarchy hierarchy) : IFederationEndpoints
{
    public void Map(FederationRoutes routes) =>
        // v1.19 server-server-api#get_matrixfederationv1hierarchyroomid
        routes.Of(RouteOwner.Nobody).Get("hierarchy/{roomId}", static query => query.Flag("suggested_only"), GetAsync);

    private async ValueTask<Answer> GetAsync(Call call, bool suggestedOnly, CancellationToken stop)
    {
        var found = await hierarchy.OfServerAsync(call.Peer.ServerName, call["roomId"], suggestedOnly, stop);
        if (!found.IsOk) return RoomAnswers.Of(found.Failure);
        return Answer.Json(found.Value, static (json, it) =>
        {
            json.WriteStartArray("children");
            foreach (var child in it.Children) Summaries.WriteRoom(json, child);
            json.WriteEndArray();
            json.WriteStartArray("inaccessible_children");
            foreach (var roomId in it.Inaccessible) json.WriteStringValue(roomId);
            json.WriteEndArray();
            json.WritePropertyName("room");
            Summaries.WriteRoom(json, it.Room);
        });
    }
}
