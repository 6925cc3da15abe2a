using System.Collections.Concurrent;
using System.Diagnostics;

namespace Matrix.Host.Api.Http;

/// <summary>
/// A token bucket for each class and user or address. Buckets that have filled up again are forgotten; if there are too many others,
/// the fullest go first: forgetting one gives its owner a burst, no more.
/// </summary>
public sealed class RateLimiter(RateLimitOptions options, TimeProvider clock)
{
    private readonly ConcurrentDictionary<(RateClass, string), Bucket> _buckets = new();
    private int _sweeping;

    /// <summary>Takes one request from an allowance. The time to wait if there is none left; zero if there was.</summary>
    public TimeSpan Take(RateClass kind, string who)
    {
        if (options.RateOf(kind) is not { } rate) return TimeSpan.Zero;

        var bucket = _buckets.GetOrAdd((kind, who), static (_, full) => new Bucket(full), (rate.Burst, clock.GetTimestamp()));
        var wait = bucket.Take(rate, clock.GetTimestamp());
        if (_buckets.Count > options.Tracked) Sweep();
        return wait;
    }

    private void Sweep()
    {
        if (Interlocked.Exchange(ref _sweeping, 1) == 1) return;
        try
        {
            var now = clock.GetTimestamp();
            var all = _buckets.ToArray();
            var target = options.Tracked * 3 / 4;
            foreach (var (key, _) in all
                .OrderByDescending(b => b.Value.Fill(options.RateOf(b.Key.Item1) ?? default, now))
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

    private sealed class Bucket((double Tokens, long At) start)
    {
        private readonly Lock _lock = new();
        private double _tokens = start.Tokens;
        private long _at = start.At;

        internal TimeSpan Take(Rate rate, long now)
        {
            lock (_lock)
            {
                Refill(rate, now);
                if (_tokens >= 1)
                {
                    _tokens -= 1;
                    return TimeSpan.Zero;
                }

                return TimeSpan.FromSeconds((1 - _tokens) / rate.PerSecond);
            }
        }

        /// <summary>How full the bucket is, from 0 to 1.</summary>
        internal double Fill(Rate rate, long now)
        {
            lock (_lock)
            {
                Refill(rate, now);
                return rate.Burst > 0 ? _tokens / rate.Burst : 1;
            }
        }

        private void Refill(Rate rate, long now)
        {
            _tokens = Math.Min(rate.Burst, _tokens + (Stopwatch.GetElapsedTime(_at, now).TotalSeconds * rate.PerSecond));
            _at = now;
        }
    }
}
