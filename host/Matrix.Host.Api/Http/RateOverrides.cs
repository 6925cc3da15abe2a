using System.Collections.Concurrent;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.RateLimits;

namespace Matrix.Host.Api.Http;

/// <summary>
/// The limits for sending that administrators set for single users. All are in memory; a commit changes them.
/// </summary>
public sealed class RateOverrides : IRestoredConsumer
{
    private readonly ConcurrentDictionary<string, Rate> _rates = new(StringComparer.Ordinal);
    private readonly RateLimitsTable _rateLimitsTable;
    private readonly Lock _gate = new();
    private long _changes;

    /// <summary>Creates it, and subscribes it to commits.</summary>
    public RateOverrides(RateLimitsTable rateLimitsTable, IStorageWriter writer)
    {
        _rateLimitsTable = rateLimitsTable;
        writer.AddConsumer(this);
    }

    /// <summary>Reads them all.</summary>
    public async ValueTask LoadAsync(CancellationToken stop)
    {
        while (true)
        {
            var before = Volatile.Read(ref _changes);
            var all = (await _rateLimitsTable.AllAsync(stop)).ToDictionary(static limit => limit.UserId);
            lock (_gate)
            {
                // A change that came meanwhile may be newer than what was read.
                if (before != _changes) continue;
                foreach (var userId in _rates.Keys)
                {
                    if (!all.ContainsKey(userId)) _rates.TryRemove(userId, out _);
                }

                foreach (var limit in all.Values) Put(limit);
                return;
            }
        }
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is not (RateLimitSet or RateLimitRemoved)) return;
        lock (_gate)
        {
            _changes++;
            if (change is RateLimitSet set) Put(set.Limit);
            else if (change is RateLimitRemoved removed) _rates.TryRemove(removed.UserId, out _);
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
    }

    /// <inheritdoc/>
    public ValueTask RestoreAsync(long after, long through, CancellationToken stop) => LoadAsync(stop);

    /// <summary>The limit of a user; null for the configured one.</summary>
    internal Rate? Find(string userId) => _rates.TryGetValue(userId, out var rate) ? rate : null;

    private void Put(UserRateLimit limit) => _rates[limit.UserId] = new Rate(limit.PerSecond, limit.Burst);
}
