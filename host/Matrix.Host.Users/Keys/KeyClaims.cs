using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Keys;

namespace Matrix.Host.Users.Keys;

/// <summary>A key that someone asks for: one of that algorithm, of that device.</summary>
public sealed record KeyClaim(string UserId, string DeviceId, string Algorithm);

/// <summary>A key that was given away.</summary>
/// <param name="UserId">Whose.</param>
/// <param name="DeviceId">Of which device.</param>
/// <param name="KeyId">Its id, algorithm included.</param>
/// <param name="Json">The key as uploaded.</param>
public sealed record ClaimedKey(string UserId, string DeviceId, string KeyId, ReadOnlyMemory<byte> Json);

/// <summary>Gives one-time keys of local devices away, each once, and fallback keys where there are none. Client-Server API, "One-time and fallback keys".</summary>
public sealed class KeyClaims(IStorage storage)
{
    /// <summary>Claims. That the keys are given away is durable before this answers, so that nobody is ever given one again.</summary>
    public async ValueTask<IReadOnlyList<ClaimedKey>> ClaimAsync(IReadOnlyCollection<KeyClaim> claims, CancellationToken stop)
    {
        if (claims.Count == 0) return [];

        var changes = claims.Select(claim => new KeyClaimed(claim.UserId, claim.DeviceId, claim.Algorithm)).ToList();
        var batch = new WriteBatch(changes.Count);
        foreach (var change in changes) batch.Add(change);
        await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);

        return [.. changes
            .Where(claimed => claimed.Applied)
            .Select(claimed => new ClaimedKey(claimed.UserId, claimed.DeviceId, $"{claimed.Algorithm}:{claimed.KeyId}", claimed.Json))];
    }
}
