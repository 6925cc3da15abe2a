using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Users.Keys;
using Matrix.Host.Users.RemoteKeys;

namespace Matrix.Host.Api.Client.Keys;

/// <summary>Claims of one-time keys: `POST /keys/claim`. v1.19 client-server-api#key-management-api</summary>
internal sealed class ClaimKeys(
    KeyClaims claims, RemoteKeyClaims remoteClaims, KeyOptions options, ClientOptions server) : IEndpoints
{
    private sealed record Input(IReadOnlyList<KeyClaim> Wanted, TimeSpan? Timeout);

    // v1.19 client-server-api#post_matrixclientv3keysclaim
    public void Map(ClientRoutes routes) => routes.Of(RouteOwner.Nobody).Post(
        "keys/claim",
        Read,
        Claim,
        new RouteOptions { Access = Access.UsersAndGuests, Body = BodyLimit.Large, OpenToSuspended = true });

    private async ValueTask<Answer> Claim(Call call, Input input, CancellationToken stop)
    {
        if (input.Wanted.Count > options.MaxClaims)
        {
            return Answer.TooLarge($"Claim at most {options.MaxClaims} keys at once.");
        }

        var wanted = input.Wanted.ToLookup(claim => UserId.Server(claim.UserId) == server.ServerName);
        var local = await claims.ClaimAsync([.. wanted[true]], stop);
        var remote = await remoteClaims.ClaimAsync(call.CausedBy, [.. wanted[false]], input.Timeout, stop);

        using var bytes = new ByteBuffer();
        bytes.Raw("{\"failures\":"u8);
        CanonicalJson.Write(bytes, KeyAnswers.Failures(remote.Failures));
        bytes.Byte((byte)',');
        KeyAnswers.WriteClaimed(bytes, local.Concat(remote.Keys));
        bytes.Byte((byte)'}');
        return Answer.Bytes(bytes.ToArray());
    }

    private static Input Read(BodyReader body) => new(KeyBodies.WantedKeys(body), KeyBodies.Timeout(body));
}
