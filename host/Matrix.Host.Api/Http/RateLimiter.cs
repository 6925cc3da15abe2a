using System.Collections.Concurrent;
using Matrix.Host.Network;

namespace Matrix.Host.Api.Http;

/// <summary>
/// A token bucket for each class and user or address. Full buckets are dropped. If there are too many others, the
/// fullest are dropped first, which gives their owners one burst.
/// </summary>
public sealed class RateLimiter(RateLimitOptions options, TimeProvider clock)
{
    private readonly ConcurrentDictionary<(RateClass, string), Bucket> _buckets = new();
    private int _sweeping;

    /// <summary>The number of buckets.</summary>
    internal int Tracked => _buckets.Count;

    /// <summary>Called with what was taken, by many threads; null if nobody else counts.</summary>
    internal Action<RateClass, string, int>? OnTaken { private get; set; }

    /// <summary>Takes one request from a bucket. Returns the time to wait if it is empty; otherwise zero.</summary>
    public TimeSpan Take(RateClass kind, string who) => Take(kind, who, count: 1);

    /// <summary>Takes what counts as several requests, or, if they are more than the burst, the whole burst.</summary>
    /// <param name="taken">The requests of these that were taken before.</param>
    public TimeSpan Take(RateClass kind, string who, int count, int taken = 0)
    {
        if (options.RateOf(kind) is not { } rate) return TimeSpan.Zero;

        var bucket = _buckets.GetOrAdd(
            (kind, who), static (_, start) => new Bucket(start.clock, start.Burst), (clock, rate.Burst));
        var taking = Math.Min(count, Math.Max(1, rate.Burst)) - taken;
        var wait = bucket.Take(rate, taking);
        if (wait == TimeSpan.Zero) OnTaken?.Invoke(kind, who, (int)taking);
        if (_buckets.Count > options.Tracked) Sweep();
        return wait;
    }

    /// <summary>Other nodes have taken requests: what is left is less, whether or not it was enough.</summary>
    internal void TakenElsewhere(RateClass kind, string who, int count)
    {
        if (options.RateOf(kind) is not { } rate) return;
        var bucket = _buckets.GetOrAdd(
            (kind, who), static (_, start) => new Bucket(start.clock, start.Burst), (clock, rate.Burst));
        bucket.Lose(rate, count);
        if (_buckets.Count > options.Tracked) Sweep();
    }

    /// <summary>Takes one request at a rate of its own; no rate for no limit.</summary>
    internal TimeSpan Take(RateClass kind, string who, Rate rate)
    {
        if (!options.Enabled || rate.PerSecond == 0) return TimeSpan.Zero;
        var bucket = _buckets.GetOrAdd(
            (kind, who), static (_, start) => new Bucket(start.clock, start.Burst), (clock, rate.Burst));
        var wait = bucket.Take(rate, 1);
        if (wait == TimeSpan.Zero) OnTaken?.Invoke(kind, who, 1);
        if (_buckets.Count > options.Tracked) Sweep();
        return wait;
    }

    /// <summary>
    /// Takes a look-up that needs another server or an application service, which clients without a token may cause at
    /// the rate of <see cref="RateClass.OpenSummaries"/> only. Returns the time to wait; zero for all others.
    /// </summary>
    internal TimeSpan TakeOpenLookup(Call call) =>
        call.CallerIfAny is not null || call.Service is not null
            ? TimeSpan.Zero
            : Take(RateClass.OpenSummaries, AddressBlock.Of(call.Address));

    private void Sweep()
    {
        if (Interlocked.Exchange(ref _sweeping, 1) == 1) return;
        try
        {
            var all = _buckets.ToArray();
            var target = options.Tracked * 3 / 4;
            foreach (var (key, _) in all
                .OrderByDescending(b => b.Value.Fill(options.RateOf(b.Key.Item1) ?? default))
                .Take(Math.Max(0, all.Length - target)))
            {
                _buckets.TryRemove(key, out _);
            }
        }
        finally
        {
            Volatile.Write(ref _sweeping, 0);
        }
    }

    private sealed class Bucket(TimeProvider clock, double full)
    {
        private readonly Lock _lock = new();
        private double _tokens = full;
        private long _at = clock.GetTimestamp();

        internal TimeSpan Take(Rate rate, double count)
        {
            lock (_lock)
            {
                Refill(rate);
                if (_tokens >= count)
                {
                    _tokens -= count;
                    return TimeSpan.Zero;
                }

                return TimeSpan.FromSeconds((count - _tokens) / rate.PerSecond);
            }
        }

        /// <summary>Takes what was not asked for; a bucket owes at most one burst.</summary>
        internal void Lose(Rate rate, double count)
        {
            lock (_lock)
            {
                Refill(rate);
                _tokens = Math.Max(-rate.Burst, _tokens - count);
            }
        }

        /// <summary>How full the bucket is, from 0 to 1.</summary>
        internal double Fill(Rate rate)
        {
            lock (_lock)
            {
                Refill(rate);
                return rate.Burst > 0 ? _tokens / rate.Burst : 1;
            }
        }

        private void Refill(Rate rate)
        {
            var now = clock.GetTimestamp();
            _tokens = Math.Min(rate.Burst, _tokens + (clock.GetElapsedTime(_at, now).TotalSeconds * rate.PerSecond));
            _at = now;
        }
    }
}
