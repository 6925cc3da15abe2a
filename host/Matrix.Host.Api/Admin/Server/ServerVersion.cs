using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Admin.Server;

/// <summary>`GET /_synapse/admin/v1/server_version`: the name and version of this software, for everyone.</summary>
internal sealed class ServerVersion : IEndpoints
{
    private static readonly Answer _version = Answer.Prepared(static json => json.WriteString(
        "server_version",
        $"Matrix.Hybrid {typeof(ServerVersion).Assembly.GetName().Version?.ToString(fieldCount: 3)}"));

    public void Map(ClientRoutes routes) =>
        routes.Of(RouteOwner.Nobody).Admin(1).Get("server_version", Get, new RouteOptions { Access = Access.Anyone });

    private static ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(_version);
}
