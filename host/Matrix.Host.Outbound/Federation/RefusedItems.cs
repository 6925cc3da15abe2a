namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// Events, or EDUs, of which a server refused a transaction. One is at fault only if the server refuses it alone, and
/// took another transaction since it refused the item first: otherwise the server, or a proxy before it, may refuse
/// everything. Until that is clear the item is deferred, and others are sent. An empty transaction that was taken
/// shows less: a proxy that refuses what is large takes it. Not thread-safe.
/// </summary>
internal sealed class RefusedItems<T>
    where T : struct, IEquatable<T>
{
    /// <summary>The items that were refused.</summary>
    private readonly Dictionary<T, Refusal> _refused = [];

    /// <summary>Those that are deferred, the earliest first.</summary>
    private readonly List<T> _deferred = [];

    private long _successes;
    private long _probes;

    /// <summary>The items that are deferred, the earliest first.</summary>
    internal IReadOnlyList<T> Deferred => _deferred;

    /// <summary>The number of items that are remembered.</summary>
    internal int Count => _refused.Count;

    /// <summary>A transaction was taken that shows that the server does not refuse everything.</summary>
    internal void Succeeded(bool isProbe)
    {
        if (isProbe) _probes++;
        else _successes++;
    }

    /// <summary>A transaction was refused. The latest refusal says whether it was by a proxy.</summary>
    internal void Refused(IReadOnlyList<T> items, bool byProxy)
    {
        foreach (var item in items)
        {
            var first = _refused.TryGetValue(item, out var before) ? before : new Refusal(_successes, _probes, byProxy);
            _refused[item] = first with { ByProxy = byProxy };
        }
    }

    /// <summary>Whether the server took another transaction since it refused the item first.</summary>
    internal bool IsAtFault(T item) =>
        _refused.TryGetValue(item, out var before)
        && (_successes > before.Successes || (!before.ByProxy && _probes > before.Probes));

    /// <summary>Whether a proxy refused the item last.</summary>
    internal bool IsByProxy(T item) => _refused.TryGetValue(item, out var refusal) && refusal.ByProxy;

    internal void Defer(T item)
    {
        if (!_deferred.Contains(item)) _deferred.Add(item);
    }

    /// <summary>An item that is sent alone next, to see whether it is at fault; null if there is none.</summary>
    internal T? ToTry()
    {
        foreach (var item in _deferred)
        {
            if (IsAtFault(item)) return item;
        }

        return null;
    }

    /// <summary>Forgets all items but those that are still to be sent.</summary>
    internal void KeepOnly(Func<T, bool> isWaiting)
    {
        if (_refused.Count == 0) return;
        foreach (var item in _refused.Keys.Where(item => !isWaiting(item)).ToArray())
        {
            _refused.Remove(item);
        }

        _deferred.RemoveAll(item => !isWaiting(item));
    }

    /// <summary>What was taken before an item was refused first.</summary>
    private readonly record struct Refusal(long Successes, long Probes, bool ByProxy);
}
