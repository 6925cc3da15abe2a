using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Client.ThirdPartyNetworks;

/// <summary>Rooms and users of third-party networks. v1.19 client-server-api#third-party-lookups</summary>
internal sealed class Lookups(Outbound.ThirdParty.ThirdPartyNetworks networks) : IEndpoints
{
    private static readonly Answer _unknownProtocol = Answer.NotFound("No application service has this protocol.");

    public void Map(ClientRoutes routes)
    {
        // v1.19 client-server-api#get_matrixclientv3thirdpartyprotocols
        routes.Of(RouteOwner.Nobody).Get("thirdparty/protocols", ProtocolsAsync);
        // v1.19 client-server-api#get_matrixclientv3thirdpartyprotocolprotocol
        routes.Of(RouteOwner.Nobody).Get("thirdparty/protocol/{protocol}", ProtocolAsync);
        // v1.19 client-server-api#get_matrixclientv3thirdpartylocationprotocol
        routes.Of(RouteOwner.Nobody).Get(
            "thirdparty/location/{protocol}",
            static query => query.TextsExcept("access_token"),
            async (call, fields, stop) => Of(
                await networks.FindLocationsAsync(call["protocol"], fields, stop),
                "There is no such portal room."));
        // v1.19 client-server-api#get_matrixclientv3thirdpartyuserprotocol
        routes.Of(RouteOwner.Nobody).Get(
            "thirdparty/user/{protocol}",
            static query => query.TextsExcept("access_token"),
            async (call, fields, stop) => Of(
                await networks.FindUsersAsync(call["protocol"], fields, stop),
                "There is no such user."));
        // v1.19 client-server-api#get_matrixclientv3thirdpartylocation
        routes.Of(RouteOwner.Nobody).Get(
            "thirdparty/location",
            static query => Valid(query, "alias", RoomAlias.IsValid),
            async (_, alias, stop) => Of(
                await networks.LocationsOfAsync(alias, stop),
                "The alias belongs to no third-party location."));
        // v1.19 client-server-api#get_matrixclientv3thirdpartyuser
        routes.Of(RouteOwner.Nobody).Get(
            "thirdparty/user",
            static query => Valid(query, "userid", UserId.IsValid),
            async (_, userId, stop) => Of(
                await networks.UsersOfAsync(userId, stop),
                "The user belongs to no third-party network."));
    }

    private static string Valid(QueryReader query, string name, Func<string, bool> isValid)
    {
        var text = query.RequiredText(name);
        if (query.Problem is null && !isValid(text))
        {
            query.Refuse(MatrixError.InvalidParam, $"The query parameter `{name}` is not a valid identifier.");
        }

        return text;
    }

    private async ValueTask<Answer> ProtocolsAsync(Call call, CancellationToken stop)
    {
        var protocols = await networks.ProtocolsAsync(stop);
        var all = JsonObject.OfSeq(
            protocols.Select(static each => new ValueTuple<string, Json>(each.Key, Json.Of(each.Value))));
        return Answer.Bytes(CanonicalJson.Bytes(Json.Of(all)));
    }

    private async ValueTask<Answer> ProtocolAsync(Call call, CancellationToken stop) =>
        await networks.ProtocolAsync(call["protocol"], stop) is { } protocol
            ? Answer.Bytes(CanonicalJson.Bytes(Json.Of(protocol)))
            : _unknownProtocol;

    private static Answer Of(IReadOnlyList<JsonObject> found, string none) => found.Count == 0
        ? Answer.NotFound(none)
        : Answer.Bytes(CanonicalJson.Bytes(Json.Of([.. found.Select(Json.Of)])));
}
