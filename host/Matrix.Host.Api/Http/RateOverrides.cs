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

    /// <summary>The users whose limits change while all are read; null while they are not.</summary>
    private HashSet<string>? _changedMeanwhile;

    /// <summary>Creates it, and subscribes it to commits.</summary>
    public RateOverrides(RateLimitsTable rateLimitsTable, IStorageWriter writer)
    {
        _rateLimitsTable = rateLimitsTable;
        writer.AddConsumer(this);
    }

    /// <summary>Reads them all; one call at a time.</summary>
    public async ValueTask LoadAsync(CancellationToken stop)
    {
        var changed = new HashSet<string>(StringComparer.Ordinal);
        lock (_gate) _changedMeanwhile = changed;
        var all = (await _rateLimitsTable.AllAsync(stop)).ToDictionary(static limit => limit.UserId);
        lock (_gate)
        {
            // A change that came meanwhile may be newer than what was read.
            foreach (var userId in _rates.Keys.Where(userId => !all.ContainsKey(userId) && !changed.Contains(userId)))
            {
                _rates.TryRemove(userId, out _);
            }

            foreach (var limit in all.Values.Where(limit => !changed.Contains(limit.UserId))) Put(limit);
            _changedMeanwhile = null;
        }
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is not (RateLimitSet or RateLimitRemoved)) return;
        lock (_gate)
        {
            if (change is RateLimitSet set) Put(set.Limit);
            else if (change is RateLimitRemoved removed) _rates.TryRemove(removed.UserId, out _);
            _changedMeanwhile?.Add((change as RateLimitSet)?.Limit.UserId ?? ((RateLimitRemoved)change).UserId);
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
