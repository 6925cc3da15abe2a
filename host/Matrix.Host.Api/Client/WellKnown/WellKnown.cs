using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.WellKnown;

/// <summary>
/// Where clients and other servers reach this one. Client-Server API, "Well-known URIs"; Server-Server API, "Resolving
/// server names".
/// </summary>
internal sealed class WellKnown(ClientOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes)
    {
        var anyone = new RouteOptions { Access = Access.Anyone };
        routes.At("/.well-known/matrix/").Get("client", GetClient, anyone);
        routes.At("/.well-known/matrix/").Get("server", GetServer, anyone);
    }

    private ValueTask<Answer> GetServer(Call call, CancellationToken stop) => ValueTask.FromResult(
        options.WellKnownServer.Length == 0
            ? Answer.NotFound("This server does not delegate its name.")
            : Answer.Json(options.WellKnownServer, static (json, name) => json.WriteString("m.server", name)));

    private ValueTask<Answer> GetClient(Call call, CancellationToken stop) => ValueTask.FromResult(
        options.PublicBaseUrl.Length == 0
            ? Answer.NotFound("This server has no configured client URL.")
            : Answer.Json(options.PublicBaseUrl, static (json, url) =>
            {
                json.WriteStartObject("m.homeserver");
                json.WriteString("base_url", url);
                json.WriteEndObject();
            }));
}
