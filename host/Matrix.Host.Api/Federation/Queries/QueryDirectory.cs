using Matrix.Core.Ident;
using Matrix.Host.Api.Client;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Aliases;

namespace Matrix.Host.Api.Federation.Queries;

/// <summary>Rooms of this server's aliases. v1.19 server-server-api#querying-for-information</summary>
internal sealed class QueryDirectory(RoomAliasDirectory aliases, FederationOptions server) : IFederationEndpoints
{
    // v1.19 server-server-api#get_matrixfederationv1querydirectory
    public void Map(FederationRoutes routes) => routes.Of(RouteOwner.Nobody).Get("query/directory", Read, GetAsync);

    private string Read(QueryReader query)
    {
        var alias = query.RequiredText("room_alias");
        if (!RoomAlias.IsValid(alias) || RoomAlias.Server(alias) != server.ServerName)
        {
            query.Refuse(MatrixError.InvalidParam, "`room_alias` is not an alias of this server.");
        }

        return alias;
    }

    private async ValueTask<Answer> GetAsync(Call call, string alias, CancellationToken stop)
    {
        var row = await aliases.FindOrAskAsync(alias, stop);
        if (!row.IsOk) return RoomAnswers.Of(row.Failure);

        var servers = await aliases.ServersAsync(row.Value, stop);
        return Answer.Json((row.Value.RoomId, servers), static (json, it) =>
        {
            json.WriteString("room_id", it.RoomId);
            json.WriteStartArray("servers");
            foreach (var name in it.servers) json.WriteStringValue(name);
            json.WriteEndArray();
        });
    }
}

/// <summary>Queries of other types. v1.19 server-server-api#querying-for-information</summary>
internal sealed class UnknownQuery : IFederationEndpoints
{
    private static readonly Answer _unknown =
        Answer.Error(404, MatrixError.Unrecognized, "This server does not know this type of query.");

    // v1.19 server-server-api#get_matrixfederationv1queryquerytype
    public void Map(FederationRoutes routes) => routes.Of(RouteOwner.Nobody).Get("query/{queryType}", Get);

    private static ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(_unknown);
}
