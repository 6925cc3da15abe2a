using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>A claim of a one-time key of a device.</summary>
public sealed record OneTimeKeyClaim(string UserId, string DeviceId, string Algorithm);

public sealed partial class FederationOperations
{
    /// <summary>
    /// `POST /user/keys/claim`: one-time keys by user and device.
    /// v1.19 server-server-api#post_matrixfederationv1userkeysclaim
    /// </summary>
    public async ValueTask<FederationResult<JsonObject>> ClaimKeysAsync(
        string server, IReadOnlyList<OneTimeKeyClaim> claims, CancellationToken stop)
    {
        var users = claims.GroupBy(claim => claim.UserId).Select(user => (
            user.Key,
            Json.Of(Members.Of(user.Select(claim => (claim.DeviceId, Members.Text(claim.Algorithm)))))));
        var body = Members.Of(("one_time_keys", Json.Of(Members.Of(users))));
        var sent = await client.SendAsync(Post(server, $"{V1}user/keys/claim", body), stop);
        return sent.Then<JsonObject>(static response =>
            response.Child("one_time_keys") is { } keys ? keys : Lacks("one_time_keys"));
    }
}
