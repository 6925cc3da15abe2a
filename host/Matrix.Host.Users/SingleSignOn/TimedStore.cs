using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>
/// Values by their keys, in memory, for a time. Beyond a number the oldest are dropped. A key belongs to a shard, which
/// the caller has entered: a value that was stored in an earlier opening of it does not count.
/// </summary>
internal sealed class TimedStore<T>(TimeSpan lifetime, int most, TimeProvider clock)
    where T : class
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<Entry>> _byKey =
        new(StringComparer.Ordinal);

    // All live equally long, so the first is the next to end.
    private readonly LinkedList<Entry> _byAge = new();

    /// <summary>Stores a value. False, and nothing is stored, if the key has one.</summary>
    internal bool TryAdd(string key, T value, ShardVisit visit)
    {
        lock (_lock)
        {
            DropOld();
            if (EntryOf(key, visit) is not null) return false;
            if (_byKey.Count >= most) Drop(_byAge.First!);
            _byKey.Add(key, _byAge.AddLast(new Entry(key, value, clock.GetUtcNow() + lifetime, visit.Opening)));
            return true;
        }
    }

    /// <summary>Stores a value in place of the key's.</summary>
    internal void Put(string key, T value, ShardVisit visit)
    {
        lock (_lock)
        {
            Take(key, visit);
            TryAdd(key, value, visit);
        }
    }

    /// <summary>The value of a key; null for none.</summary>
    internal T? Find(string key, ShardVisit visit)
    {
        lock (_lock)
        {
            DropOld();
            return EntryOf(key, visit)?.Value.Value;
        }
    }

    /// <summary>Removes the value of a key and returns it; null for none.</summary>
    internal T? Take(string key, ShardVisit visit)
    {
        lock (_lock)
        {
            DropOld();
            if (EntryOf(key, visit) is not { } node) return null;
            Drop(node);
            return node.Value.Value;
        }
    }

    /// <summary>Removes the values that match.</summary>
    internal void RemoveWhere(Predicate<T> matches)
    {
        lock (_lock)
        {
            foreach (var entry in _byAge.Where(entry => matches(entry.Value)).ToList()) Drop(_byKey[entry.Key]);
        }
    }

    /// <summary>The entry of a key; null for none. One of an earlier opening is dropped.</summary>
    private LinkedListNode<Entry>? EntryOf(string key, ShardVisit visit)
    {
        if (!_byKey.TryGetValue(key, out var node)) return null;
        if (node.Value.Opening == visit.Opening) return node;
        Drop(node);
        return null;
    }

    private void DropOld()
    {
        var now = clock.GetUtcNow();
        while (_byAge.First is { } oldest && oldest.Value.Until <= now) Drop(oldest);
    }

    private void Drop(LinkedListNode<Entry> node)
    {
        _byKey.Remove(node.Value.Key);
        _byAge.Remove(node);
    }

    private sealed record Entry(string Key, T Value, DateTimeOffset Until, long Opening);
}
