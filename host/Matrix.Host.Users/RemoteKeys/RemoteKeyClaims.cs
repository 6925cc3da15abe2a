using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Users.RemoteKeys;

/// <summary>Claimed keys of other servers' users.</summary>
/// <param name="Keys">The keys.</param>
/// <param name="Failures">The servers that gave none.</param>
public sealed record RemoteClaimResult(
    IReadOnlyList<ClaimedKey> Keys, IReadOnlyDictionary<string, FederationFailure> Failures);

/// <summary>
/// Claims one-time keys of other servers' users at these servers. v1.19 client-server-api#one-time-and-fallback-keys
/// </summary>
public sealed class RemoteKeyClaims(FederationOperations api, RemoteRequests requests, KeyOptions options)
{
    /// <summary>Claims keys of other servers' users.</summary>
    /// <param name="who">The user, application service or address that causes the requests.</param>
    /// <param name="claims">The claims.</param>
    /// <param name="time">How long the requester waits for other servers; null if it does not say.</param>
    public async ValueTask<RemoteClaimResult> ClaimAsync(
        string who, IReadOnlyCollection<KeyClaim> claims, TimeSpan? time, CancellationToken stop)
    {
        var servers = claims.GroupBy(claim => UserId.Server(claim.UserId))
            .ToDictionary(server => server.Key, server => server.ToArray());
        var responses = await requests.SendAsync(
            who,
            servers.Keys,
            time,
            (server, within) => api.ClaimKeysAsync(
                server,
                [
                    .. servers[server].Select(
                        static claim => new OneTimeKeyClaim(claim.UserId, claim.DeviceId, claim.Algorithm)),
                ],
                within),
            stop);

        var keys = new List<ClaimedKey>();
        var failures = new Dictionary<string, FederationFailure>(StringComparer.Ordinal);
        foreach (var (server, response) in responses)
        {
            if (response.Failure is { } failure) failures.Add(server, failure);
            else keys.AddRange(servers[server].Select(claim => Find(response.Value, claim)).OfType<ClaimedKey>());
        }

        return new RemoteClaimResult(keys, failures);
    }

    /// <summary>The key of a claim; null if the response has none of its device and algorithm.</summary>
    private ClaimedKey? Find(JsonObject response, KeyClaim claim)
    {
        if (SignedJson.Child(response, claim.UserId) is not { } devices
            || SignedJson.Child(devices, claim.DeviceId) is not { } keys)
        {
            return null;
        }

        for (var i = 0; i < keys.Count; i++)
        {
            if (!keys.Key(i).StartsWith(claim.Algorithm + ":", StringComparison.Ordinal)) continue;
            if (keys.Value(i) is not (Json.Object or Json.String)) continue;
            var json = CanonicalJson.Bytes(keys.Value(i));
            if (json.Length <= options.MaxKeyBytes)
            {
                return new ClaimedKey(claim.UserId, claim.DeviceId, keys.Key(i), json);
            }
        }

        return null;
    }
}
