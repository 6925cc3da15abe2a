namespace Matrix.Host.Users.SingleSignOn;

/// <summary>Values by their keys, in memory, for a time. Beyond a number the oldest are dropped.</summary>
internal sealed class TimedStore<T>(TimeSpan lifetime, int most, TimeProvider clock)
    where T : class
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<(string Key, T Value, DateTimeOffset Until)>> _byKey =
        new(StringComparer.Ordinal);

    // All live equally long, so the first is the next to end.
    private readonly LinkedList<(string Key, T Value, DateTimeOffset Until)> _byAge = new();

    /// <summary>Stores a value. False, and nothing is stored, if the key has one.</summary>
    internal bool TryAdd(string key, T value)
    {
        lock (_lock)
        {
            DropOld();
            if (_byKey.ContainsKey(key)) return false;
            if (_byKey.Count >= most) Drop(_byAge.First!);
            _byKey.Add(key, _byAge.AddLast((key, value, clock.GetUtcNow() + lifetime)));
            return true;
        }
    }

    /// <summary>Stores a value in place of the key's.</summary>
    internal void Put(string key, T value)
    {
        lock (_lock)
        {
            Take(key);
            TryAdd(key, value);
        }
    }

    /// <summary>The value of a key; null for none.</summary>
    internal T? Find(string key)
    {
        lock (_lock)
        {
            DropOld();
            return _byKey.TryGetValue(key, out var node) ? node.Value.Value : null;
        }
    }

    /// <summary>Removes the value of a key and returns it; null for none.</summary>
    internal T? Take(string key)
    {
        lock (_lock)
        {
            DropOld();
            if (!_byKey.TryGetValue(key, out var node)) return null;
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

    private void DropOld()
    {
        var now = clock.GetUtcNow();
        while (_byAge.First is { } oldest && oldest.Value.Until <= now) Drop(oldest);
    }

    private void Drop(LinkedListNode<(string Key, T Value, DateTimeOffset Until)> node)
    {
        _byKey.Remove(node.Value.Key);
        _byAge.Remove(node);
    }
}
