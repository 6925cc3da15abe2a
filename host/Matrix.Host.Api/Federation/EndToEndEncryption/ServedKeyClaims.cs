using Matrix.Core.Json;
using Matrix.Host.Api.Client.Keys;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Api.Federation.EndToEndEncryption;

/// <summary>Claims of local users' one-time keys. v1.19 server-server-api#end-to-end-encryption</summary>
internal sealed class ServedKeyClaims(KeyClaims claims, KeyOptions options, FederationOptions server)
    : IFederationEndpoints
{
    public void Map(FederationRoutes routes) =>
        // v1.19 server-server-api#post_matrixfederationv1userkeysclaim
        routes.Of(RouteOwner.Nobody).Post(
            "user/keys/claim", Read, Claim, RouteOptions.ForServers with { Body = BodyLimit.Large });

    private List<KeyClaim> Read(BodyReader body)
    {
        var wanted = KeyBodies.WantedKeys(body);
        server.CheckLocal(body, wanted.Select(claim => claim.UserId));
        return wanted;
    }

    private async ValueTask<Answer> Claim(Call call, List<KeyClaim> wanted, CancellationToken stop)
    {
        if (wanted.Count > options.MaxClaims)
        {
            return Answer.TooLarge($"Claim at most {options.MaxClaims} keys at once.");
        }

        var claimed = await claims.ClaimAsync(wanted, stop);
        using var bytes = new ByteBuffer();
        bytes.Byte((byte)'{');
        KeyAnswers.WriteClaimed(bytes, claimed);
        bytes.Byte((byte)'}');
        return Answer.Bytes(bytes.ToArray());
    }
}
