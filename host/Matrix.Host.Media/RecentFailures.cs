using System.Collections.Concurrent;

namespace Matrix.Host.Media;

/// <summary>Failures that are not tried again for a while.</summary>
internal sealed class RecentFailures<TKey>(TimeSpan pause, TimeProvider time)
    where TKey : notnull
{
    /// <summary>Beyond these all are dropped.</summary>
    private const int Most = 10_000;

    private readonly ConcurrentDictionary<TKey, (MediaFailure Why, DateTimeOffset Until)> _failed = new();

    /// <summary>The failure of a key; null if there was none lately.</summary>
    internal MediaFailure? Find(TKey key) =>
        _failed.TryGetValue(key, out var failed) && time.GetUtcNow() < failed.Until ? failed.Why : null;

    /// <summary>Remembers a failure.</summary>
    internal void Add(TKey key, MediaFailure failure)
    {
        if (_failed.Count >= Most) _failed.Clear();
        _failed[key] = (failure, time.GetUtcNow() + pause);
    }
}
