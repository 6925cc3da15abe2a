using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;

namespace Matrix.Host.Api.Federation.ServerImplementation;

/// <summary>The name and version of this software. v1.19 server-server-api#server-implementation</summary>
internal sealed class Version : IFederationEndpoints
{
    private static readonly Answer _version = Answer.Prepared(static json =>
    {
        json.WriteStartObject("server");
        json.WriteString("name", "Matrix.Hybrid");
        json.WriteString("version", typeof(Version).Assembly.GetName().Version?.ToString(fieldCount: 3));
        json.WriteEndObject();
    });

    public void Map(FederationRoutes routes) =>
        // v1.19 server-server-api#get_matrixfederationv1version
        routes.Of(RouteOwner.Nobody).Get("version", Get, new RouteOptions { Access = Access.Anyone });

    private static ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(_version);
}
