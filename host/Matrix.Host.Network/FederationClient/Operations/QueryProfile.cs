using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

public sealed partial class FederationApi
{
    /// <summary>`GET /query/profile`: a user's profile, or one field of it.</summary>
    public ValueTask<FederationResult<JsonObject>> QueryProfileAsync(
        string server, string userId, string? field, CancellationToken stop) =>
        client.SendAsync(Get(server, $"{V1}query/profile" + Query(("user_id", userId), ("field", field))), stop);
}
