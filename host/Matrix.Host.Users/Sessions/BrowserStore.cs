using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Users.Sessions;

/// <summary>
/// What is known of browsers by the cookie of their session: in memory, by the cookie's hash, for a limited time. The
/// oldest are dropped first. A browser's session belongs to a shard: what was known of it is gone once that was away.
/// </summary>
/// <param name="gates">Which sessions are this node's.</param>
/// <param name="lifetime">How long a browser is known.</param>
/// <param name="most">The most browsers.</param>
/// <param name="mostOfUser">The most of one user; another one takes the place of the user's oldest.</param>
/// <param name="userOf">Whose browser it is.</param>
/// <param name="clock">The clock.</param>
internal sealed class BrowserStore<T>(
    ShardGates gates, TimeSpan lifetime, int most, int mostOfUser, Func<T, string> userOf, TimeProvider clock)
    where T : class
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TokenHash, LinkedListNode<Entry>> _bySession = [];
    private readonly LinkedList<Entry> _byAge = new();

    /// <summary>Knows a browser from now on.</summary>
    /// <exception cref="StorageException">Another node has the session.</exception>
    internal void Begin(string session, T value)
    {
        if (!TokenHash.TryOf(session, out var hash)) return;
        using var visit = gates.Enter(Authority.Minted(session));
        lock (_lock)
        {
            DropOld();
            if (_bySession.TryGetValue(hash, out var before)) Drop(before);
            DropOldestOf(userOf(value));
            if (_bySession.Count >= most) Drop(_byAge.First!);
            _bySession.Add(hash, _byAge.AddLast(new Entry(hash, value, clock.GetUtcNow(), visit.Opening)));
        }
    }

    /// <summary>What is known of a browser; null for nothing.</summary>
    /// <exception cref="StorageException">Another node has the session.</exception>
    internal T? Find(string session)
    {
        if (!TokenHash.TryOf(session, out var hash)) return null;
        using var visit = gates.Enter(Authority.Minted(session));
        lock (_lock)
        {
            DropOld();
            return EntryOf(hash, visit)?.Value.Value;
        }
    }

    /// <summary>Changes what is known of a browser, if it is still known. It does not become younger.</summary>
    /// <exception cref="StorageException">Another node has the session.</exception>
    internal void Change(string session, Func<T, T> change)
    {
        if (!TokenHash.TryOf(session, out var hash)) return;
        using var visit = gates.Enter(Authority.Minted(session));
        lock (_lock)
        {
            DropOld();
            if (EntryOf(hash, visit) is not { } node) return;
            node.Value = node.Value with { Value = change(node.Value.Value) };
        }
    }

    /// <summary>Forgets a browser.</summary>
    /// <exception cref="StorageException">Another node has the session.</exception>
    internal void End(string session)
    {
        if (!TokenHash.TryOf(session, out var hash)) return;
        using var visit = gates.Enter(Authority.Minted(session));
        lock (_lock)
        {
            if (_bySession.TryGetValue(hash, out var node)) Drop(node);
        }
    }

    /// <summary>Forgets the browsers of which this is known.</summary>
    internal void EndWhere(Predicate<T> isEnded)
    {
        lock (_lock)
        {
            foreach (var entry in _byAge.Where(entry => isEnded(entry.Value)).ToList()) Drop(_bySession[entry.Session]);
        }
    }

    private LinkedListNode<Entry>? EntryOf(TokenHash session, ShardVisit visit) =>
        _bySession.TryGetValue(session, out var node) && node.Value.Opening == visit.Opening ? node : null;

    /// <summary>Drops a user's oldest browser, if they have as many as one may.</summary>
    private void DropOldestOf(string user)
    {
        var own = _byAge.Where(entry => userOf(entry.Value) == user).ToList();
        if (own.Count >= mostOfUser) Drop(_bySession[own[0].Session]);
    }

    private void DropOld()
    {
        var before = clock.GetUtcNow() - lifetime;
        while (_byAge.First is { } oldest && oldest.Value.BegunAt <= before) Drop(oldest);
    }

    private void Drop(LinkedListNode<Entry> node)
    {
        _bySession.Remove(node.Value.Session);
        _byAge.Remove(node);
    }

    private sealed record Entry(TokenHash Session, T Value, DateTimeOffset BegunAt, long Opening);
}
