using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Summaries;

namespace Matrix.Host.Api.Client.AppServices;

/// <summary>
/// The directories that application services keep for their networks.
/// v1.19 application-service-api#published-room-directories
/// </summary>
internal sealed class NetworkDirectories(PublishedRooms rooms) : IEndpoints
{
    private const int LongestNetworkId = 255;

    public void Map(ClientRoutes routes) =>
        // v1.19 application-service-api#put_matrixclientv3directorylistappservicenetworkidroomid
        routes.Of(RouteOwner.Nobody).Put("directory/list/appservice/{networkId}/{roomId}", ReadVisibility, PutAsync);

    private static bool ReadVisibility(BodyReader body)
    {
        var visibility = body.RequiredText("visibility");
        if (body.Problem is null && visibility is not ("public" or "private"))
        {
            body.Refuse(MatrixError.BadJson, "`visibility` must be `public` or `private`.");
        }

        return visibility == "public";
    }

    private async ValueTask<Answer> PutAsync(Call call, bool isPublished, CancellationToken stop)
    {
        if (call.Service is not { } service)
        {
            return Answer.Forbidden("Only application services keep directories of networks.");
        }

        var networkId = call["networkId"];
        if (networkId.Length is 0 or > LongestNetworkId)
        {
            return Answer.InvalidParam($"A network id has 1 to {LongestNetworkId} characters.");
        }

        // As the instances of its networks are named to clients.
        return RoomAnswers.Empty(await rooms.PublishInNetworkAsync(
            $"{service.Id}|{networkId}", call["roomId"], isPublished, stop));
    }
}
