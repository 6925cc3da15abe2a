namespace Matrix.Host.Network.Slots;

/// <summary>How soon a server answered lately.</summary>
public enum ServerPace
{
    /// <summary>It was not asked lately.</summary>
    Unknown,

    /// <summary>It answered.</summary>
    Quick,

    /// <summary>It took long, or did not answer.</summary>
    Slow,
}

/// <summary>
/// Remembers how soon other servers answered. Beyond a bound, those that were not asked for longest go.
/// </summary>
public sealed class ServerPaces(NetworkOptions options, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Known>> _servers = new(StringComparer.Ordinal);
    private readonly LinkedList<Known> _byUse = new();

    /// <summary>The pace of a server.</summary>
    internal ServerPace Of(string server)
    {
        lock (_gate)
        {
            return _servers.TryGetValue(server, out var node)
                && time.GetElapsedTime(node.Value.At) < options.PaceKept
                ? node.Value.Pace
                : ServerPace.Unknown;
        }
    }

    /// <summary>Notes a request that ended.</summary>
    /// <param name="server">The server.</param>
    /// <param name="took">How long it took.</param>
    /// <param name="isReached">Whether the server answered.</param>
    internal void Ended(string server, TimeSpan took, bool isReached)
    {
        var isSlow = took >= options.SlowAfter;

        // A request that failed at once, or was given up, tells nothing and holds no place for long.
        if (!isSlow && !isReached) return;
        lock (_gate)
        {
            if (_servers.Remove(server, out var node)) _byUse.Remove(node);
            var known = new Known(server, isSlow ? ServerPace.Slow : ServerPace.Quick, time.GetTimestamp());
            _servers.Add(server, _byUse.AddLast(known));
            while (_servers.Count > options.PaceServers && _byUse.First is { } oldest)
            {
                _servers.Remove(oldest.Value.Server);
                _byUse.RemoveFirst();
            }
        }
    }

    private sealed record Known(string Server, ServerPace Pace, long At);
}
