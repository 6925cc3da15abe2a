namespace Matrix.Host.Storage.Ownership.Told;

/// <summary>What another node has told in one kind. Not thread-safe.</summary>
internal sealed class ToldBy
{
    /// <summary>The most keys that are remembered of a node. Further ones are not taken.</summary>
    internal const int MostKeys = 200_000;

    /// <summary>The number of the last tell that had each key: those gone are remembered until all is told.</summary>
    private readonly Dictionary<string, long> _numbers = new(StringComparer.Ordinal);

    private readonly HashSet<int> _parts = [];
    private long _all;

    /// <summary>Whether an item of a tell is newer than what is known of it.</summary>
    internal bool IsNews(string key, long number)
    {
        if (_numbers.TryGetValue(key, out var known) ? known > number : _numbers.Count >= MostKeys) return false;
        _numbers[key] = number;
        return true;
    }

    /// <summary>A part of everything came. True if it was the last that lacked.</summary>
    internal bool Completes(ToldPart part)
    {
        if (part.Count == 0 || part.Number < _all) return false;
        if (part.Number > _all)
        {
            _all = part.Number;
            _parts.Clear();
        }

        return _parts.Add(part.Index) && _parts.Count == part.Count;
    }

    /// <summary>Whether the last everything had a key, or a later tell did.</summary>
    internal bool IsKept(string key) => _numbers.TryGetValue(key, out var number) && number >= _all;

    /// <summary>Forgets the keys that everything did not have.</summary>
    internal void Prune()
    {
        foreach (var key in _numbers.Where(each => each.Value < _all).Select(static each => each.Key).ToArray())
        {
            _numbers.Remove(key);
        }
    }
}
