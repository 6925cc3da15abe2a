using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationOperations
{
    /// <summary>The bytes that a profile has less of. v1.19 client-server-api#profiles</summary>
    private const int MaxProfileBytes = 64 * 1024;

    /// <summary>
    /// `GET /query/profile`: a user's profile. v1.19 server-server-api#get_matrixfederationv1queryprofile
    /// </summary>
    public ValueTask<FederationResult<JsonObject>> QueryProfileAsync(
        string server, string userId, CancellationToken stop) => client.SendAsync(
        Get(server, $"{V1}query/profile" + Query(("user_id", userId))) with { MaxBytes = MaxProfileBytes }, stop);
}
