using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.WellKnown;

/// <summary>The URL at which clients reach the server. Client-Server API, "Well-known URIs".</summary>
internal sealed class WellKnown(ClientOptions options) : IEndpoints
{
    public void Map(ClientRoutes routes) =>
        routes.At("/.well-known/matrix/").Get("client", Get, new RouteOptions { Access = Access.Anyone });

    private ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(
        options.PublicBaseUrl.Length == 0
            ? Answer.NotFound("This server has no configured client URL.")
            : Answer.Json(options.PublicBaseUrl, static (json, url) =>
            {
                json.WriteStartObject("m.homeserver");
                json.WriteString("base_url", url);
                json.WriteEndObject();
            }));
}
