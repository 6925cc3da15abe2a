namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// Events, or EDUs, of which a server refused a transaction. One is at fault only if the server refuses it alone, and
/// took another transaction since it refused the item first: otherwise the server, or a proxy before it, may refuse
/// everything. Until that is clear the item is put aside, and others are sent. Not thread-safe.
/// </summary>
internal sealed class RefusedItems<T>
    where T : struct, IEquatable<T>
{
    /// <summary>The items, with the number of successes before the first refusal.</summary>
    private readonly Dictionary<T, long> _successesBefore = [];

    /// <summary>Those that are put aside, the earliest first.</summary>
    private readonly List<T> _aside = [];

    private long _successes;

    /// <summary>The items that are put aside, the earliest first.</summary>
    internal IReadOnlyList<T> Aside => _aside;

    /// <summary>The number of items that are remembered.</summary>
    internal int Count => _successesBefore.Count;

    /// <summary>A transaction was taken that shows that the server does not refuse everything.</summary>
    internal void Succeeded() => _successes++;

    /// <summary>A transaction was refused.</summary>
    internal void Refused(IReadOnlyList<T> items)
    {
        foreach (var item in items) _successesBefore.TryAdd(item, _successes);
    }

    /// <summary>Whether the server took another transaction since it refused the item first.</summary>
    internal bool IsAtFault(T item) => _successesBefore.TryGetValue(item, out var before) && _successes > before;

    internal void PutAside(T item)
    {
        if (!_aside.Contains(item)) _aside.Add(item);
    }

    /// <summary>An item that is sent alone next, to see whether it is at fault; null if there is none.</summary>
    internal T? ToTry()
    {
        foreach (var item in _aside)
        {
            if (IsAtFault(item)) return item;
        }

        return null;
    }

    /// <summary>Forgets all items but those that are still to be sent.</summary>
    internal void KeepOnly(Func<T, bool> isWaiting)
    {
        if (_successesBefore.Count == 0) return;
        foreach (var item in _successesBefore.Keys.Where(item => !isWaiting(item)).ToArray())
        {
            _successesBefore.Remove(item);
        }

        _aside.RemoveAll(item => !isWaiting(item));
    }
}
