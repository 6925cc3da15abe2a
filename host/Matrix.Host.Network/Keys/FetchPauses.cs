namespace Matrix.Host.Network.Keys;

/// <summary>
/// Pauses between fetches of the same name: a server, a key, a notary. A pause doubles with each failure. Of the names,
/// a bounded number is remembered. Thread-safe.
/// </summary>
internal sealed class FetchPauses(NetworkOptions options, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Fetches>> _byName = new(StringComparer.Ordinal);
    private readonly LinkedList<Fetches> _byUse = new();

    /// <summary>Whether a name may be fetched now.</summary>
    internal bool IsOver(string name)
    {
        lock (_gate) return !_byName.TryGetValue(name, out var fetches) || time.GetUtcNow() >= fetches.Value.NotBefore;
    }

    internal void Succeeded(string name)
    {
        lock (_gate) Remember(name, failures: 0);
    }

    /// <summary>Of several failures at once the first counts.</summary>
    internal void Failed(string name)
    {
        lock (_gate)
        {
            if (!IsOver(name)) return;
            Remember(name, _byName.TryGetValue(name, out var fetches) ? fetches.Value.Failures + 1 : 1);
        }
    }

    /// <summary>Ends the pause of a name.</summary>
    internal void Forget(string name)
    {
        lock (_gate)
        {
            if (_byName.Remove(name, out var before)) _byUse.Remove(before);
        }
    }

    private void Remember(string name, int failures)
    {
        var pause = options.KeyFetchPause * Math.Pow(2, Math.Min(Math.Max(0, failures - 1), 30));
        if (pause > options.LongestKeyFetchPause) pause = options.LongestKeyFetchPause;
        Forget(name);
        _byName.Add(name, _byUse.AddLast(new Fetches(name, failures, time.GetUtcNow() + pause)));
        if (_byName.Count <= options.MaxKeyFetchServers) return;
        _byName.Remove(_byUse.First!.Value.Name);
        _byUse.RemoveFirst();
    }

    /// <summary>The latest fetch of a name.</summary>
    private sealed record Fetches(string Name, int Failures, DateTimeOffset NotBefore);
}
