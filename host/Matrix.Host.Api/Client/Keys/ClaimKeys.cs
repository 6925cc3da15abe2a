using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Claims of one-time keys: `POST /keys/claim`. Client-Server API, "Key management API".</summary>
internal sealed class ClaimKeys(KeyClaims claims, KeyOptions options, ClientOptions server) : IEndpoints
{
    public void Map(ClientRoutes routes) => routes.Post(
        "keys/claim", Read, Claim, new RouteOptions { Access = Access.UsersAndGuests, Body = BodyLimit.Large });

    private async ValueTask<Answer> Claim(Call call, List<KeyClaim> wanted, CancellationToken stop)
    {
        if (wanted.Count > options.MaxClaims)
        {
            return Answer.TooLarge($"Claim at most {options.MaxClaims} keys at once.");
        }

        var (local, elsewhere) = (
            wanted.FindAll(claim => UserId.server(claim.UserId) == server.ServerName),
            wanted.Select(claim => UserId.server(claim.UserId)).Where(name => name != server.ServerName));
        var claimed = await claims.ClaimAsync(local, stop).ConfigureAwait(false);

        using var bytes = new ByteBuffer();
        bytes.Raw("{\"failures\":"u8);
        CanonicalJson.write(bytes, KeyAnswers.Unreachable(elsewhere));
        bytes.Byte((byte)',');
        KeyAnswers.WriteClaimed(bytes, claimed);
        bytes.Byte((byte)'}');
        return Answer.Bytes(bytes.ToArray());
    }

    private static List<KeyClaim> Read(BodyReader body)
    {
        body.Number("timeout");
        return KeyBodies.WantedKeys(body);
    }
}
