using System.Collections.Concurrent;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.RateLimits;

namespace Matrix.Host.Api.Http;

/// <summary>
/// The limits for sending that administrators set for single users. All are in memory; a commit changes them.
/// </summary>
public sealed class RateOverrides : IChangeConsumer
{
    private readonly ConcurrentDictionary<string, Rate> _rates = new(StringComparer.Ordinal);
    private readonly RateLimitsTable _rateLimitsTable;

    /// <summary>Creates it, and subscribes it to commits.</summary>
    public RateOverrides(RateLimitsTable rateLimitsTable, IStorageWriter writer)
    {
        _rateLimitsTable = rateLimitsTable;
        writer.AddConsumer(this);
    }

    /// <summary>Reads them, at the start of the server.</summary>
    public async ValueTask LoadAsync(CancellationToken stop)
    {
        foreach (var limit in await _rateLimitsTable.AllAsync(stop)) Put(limit);
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is RateLimitSet set) Put(set.Limit);
        else if (change is RateLimitRemoved removed) _rates.TryRemove(removed.UserId, out _);
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        // A limit that was missed is there after the next start; the request that set it has failed.
    }

    /// <summary>The limit of a user; null for the configured one.</summary>
    internal Rate? Find(string userId) => _rates.TryGetValue(userId, out var rate) ? rate : null;

    private void Put(UserRateLimit limit) => _rates[limit.UserId] = new Rate(limit.PerSecond, limit.Burst);
}
