using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Users.Keys;

/// <summary>A claim of one key of an algorithm and a device.</summary>
public sealed record KeyClaim(string UserId, string DeviceId, string Algorithm);

/// <summary>A claimed key.</summary>
/// <param name="UserId">The owner.</param>
/// <param name="DeviceId">The owner's device.</param>
/// <param name="KeyId">Its id, algorithm included.</param>
/// <param name="Json">The key as uploaded.</param>
public sealed record ClaimedKey(string UserId, string DeviceId, string KeyId, ReadOnlyMemory<byte> Json);

/// <summary>
/// Claims one-time keys of local devices, each once, and fallback keys of devices without one-time keys.
/// v1.19 client-server-api#one-time-and-fallback-keys
/// </summary>
public sealed class KeyClaims(IStorageWriter writer)
{
    /// <summary>
    /// Claims keys. The claims are durable before this returns, so that no key is returned twice.
    /// </summary>
    public async ValueTask<IReadOnlyList<ClaimedKey>> ClaimAsync(
        IReadOnlyCollection<KeyClaim> claims, CancellationToken stop)
    {
        if (claims.Count == 0) return [];

        var wanted = new KeysClaimed(
            [.. claims.Distinct().Select(claim => new ClaimOfKey(claim.UserId, claim.DeviceId, claim.Algorithm))]);
        await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Add(wanted), stop);

        return [.. wanted.Claims
            .Where(claim => claim.KeyId is not null)
            .Select(claim => new ClaimedKey(
                claim.UserId, claim.DeviceId, $"{claim.Algorithm}:{claim.KeyId}", claim.Json))];
    }
}
