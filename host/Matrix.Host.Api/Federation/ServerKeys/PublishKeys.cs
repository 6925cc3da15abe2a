using Matrix.Host.Api.Http;
using Matrix.Host.Network.Keys;

namespace Matrix.Host.Api.Federation.ServerKeys;

/// <summary>This server's keys. Server-Server API, "Publishing Keys".</summary>
internal sealed class PublishKeys(OwnKeys keys) : IFederationEndpoints
{
    // Older servers name a key in the path. The response has all keys whatever the path says.
    public void Map(FederationRoutes routes) =>
        routes.Keys.Get("server/{keyId?}", Get, new RouteOptions { Access = Access.Anyone });

    private ValueTask<Answer> Get(Call call, CancellationToken stop) =>
        ValueTask.FromResult(Answer.Bytes(keys.Response));
}
