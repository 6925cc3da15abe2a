using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Network.Keys;

namespace Matrix.Host.Api.Federation.ServerKeys;

/// <summary>This server's keys. v1.19 server-server-api#publishing-keys</summary>
internal sealed class PublishKeys(OwnKeys keys) : IFederationEndpoints
{
    // Older servers name a key in the path. The response has all keys whatever the path says.
    public void Map(FederationRoutes routes) =>
        // v1.19 server-server-api#get_matrixkeyv2server
        routes.Of(RouteOwner.Nobody).Keys.Get("server/{keyId?}", Get, new RouteOptions { Access = Access.Anyone });

    private ValueTask<Answer> Get(Call call, CancellationToken stop) =>
        ValueTask.FromResult(Answer.Bytes(keys.Response));
}
