using System.Text;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Rendezvous;

namespace Matrix.Host.Api.Client.Versions;

/// <summary>The supported versions of the specification. v1.19 client-server-api#api-versions</summary>
internal sealed class Versions(RendezvousOptions rendezvous) : IEndpoints
{
    private readonly Answer _answer = Answer.Bytes(Encoding.UTF8.GetBytes(
        $$"""
        {"versions":["r0.5.0","r0.6.0","r0.6.1","v1.1","v1.2","v1.3","v1.4","v1.5","v1.6","v1.7","v1.8","v1.9","v1.10","v1.11","v1.12","v1.13","v1.14","v1.15","v1.16","v1.17","v1.18","v1.19"],"unstable_features":{
          "org.matrix.msc4108":{{(rendezvous.Enabled ? "true" : "false")}},
          "org.matrix.msc4143":true,
          "org.matrix.simplified_msc3575":true,
          "org.matrix.msc3391":true,
          "org.matrix.msc3814":true,
          "org.matrix.msc4140":true,
          "org.matrix.msc4306":true,
          "uk.half-shot.msc2666.query_mutual_rooms":true,
          "uk.half-shot.msc2666.query_mutual_rooms.stable":true
          }
        }
        """));

    public void Map(ClientRoutes routes) =>
        // v1.19 client-server-api#get_matrixclientversions
        routes.Of(RouteOwner.Nobody).At("/_matrix/client/").Get(
            "versions", Get, new RouteOptions { Access = Access.Optional, Rate = RateClass.None });

    private ValueTask<Answer> Get(Call call, CancellationToken stop) => ValueTask.FromResult(_answer);
}
