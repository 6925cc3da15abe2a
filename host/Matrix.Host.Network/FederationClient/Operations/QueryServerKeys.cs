using Matrix.Core.Json;

namespace Matrix.Host.Network.FederationClient.Operations;

/// <summary>A key that a notary is asked for. Times are in milliseconds since the epoch.</summary>
/// <param name="MinimumValidUntil">The time until which the key should be valid at least.</param>
public sealed record KeyQuery(string ServerName, string KeyId, long MinimumValidUntil);

public sealed partial class FederationOperations
{
    /// <summary>
    /// `POST /_matrix/key/v2/query`: key responses of other servers as a notary has them, unchecked.
    /// v1.19 server-server-api#post_matrixkeyv2query
    /// </summary>
    /// <param name="maxBytes">The bound of the whole response.</param>
    public async ValueTask<FederationResult<IReadOnlyList<JsonObject>>> QueryServerKeysAsync(
        string notary, IReadOnlyList<KeyQuery> keys, int maxBytes, CancellationToken stop)
    {
        static Json Criteria(KeyQuery key) =>
            Json.Of(Members.Of(("minimum_valid_until_ts", Json.Of(key.MinimumValidUntil))));

        var servers = keys.GroupBy(key => key.ServerName).Select(server => (
            server.Key, Json.Of(Members.Of(server.Select(key => (key.KeyId, Criteria(key)))))));
        var body = Members.Of(("server_keys", Json.Of(Members.Of(servers))));
        var request = Post(notary, "/_matrix/key/v2/query", body) with
        {
            IsSigned = false,
            MaxBytes = maxBytes,
            Time = options.KeyFetchTime,
        };
        var sent = await client.SendAsync(request, stop);
        return sent.Then(static response => FederationResult.Of(response.Children("server_keys")));
    }
}
