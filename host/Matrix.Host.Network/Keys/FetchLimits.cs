using System.Net;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// The bounds on fetches of keys: a pause for each server, which doubles with each failure, and a limit per minute on
/// fetches that unauthenticated requests cause.
/// </summary>
internal sealed class FetchLimits(NetworkOptions options, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Fetches>> _byServer = new(StringComparer.Ordinal);
    private readonly LinkedList<Fetches> _byUse = new();
    private readonly Dictionary<IPAddress, int> _thisMinute = [];
    private DateTimeOffset _minuteEnds;
    private int _countThisMinute;

    /// <summary>Whether the keys of a server may be fetched now. If so, a stranger's fetch is counted.</summary>
    internal bool Allow(string server, IPAddress? askedBy)
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (_byServer.TryGetValue(server, out var fetches) && now < fetches.Value.NotBefore) return false;
            return askedBy is null || CountStranger(askedBy, now);
        }
    }

    internal void Succeeded(string server) => Remember(server, failures: 0);

    internal void Failed(string server)
    {
        lock (_gate)
        {
            Remember(server, _byServer.TryGetValue(server, out var fetches) ? fetches.Value.Failures + 1 : 1);
        }
    }

    private bool CountStranger(IPAddress address, DateTimeOffset now)
    {
        if (now >= _minuteEnds)
        {
            _minuteEnds = now + TimeSpan.FromMinutes(1);
            _countThisMinute = 0;
            _thisMinute.Clear();
        }

        if (_countThisMinute >= options.MaxKeyFetchesPerMinute) return false;
        var own = _thisMinute.GetValueOrDefault(address);
        if (own >= options.MaxKeyFetchesPerAddress) return false;
        _thisMinute[address] = own + 1;
        _countThisMinute++;
        return true;
    }

    private void Remember(string server, int failures)
    {
        lock (_gate)
        {
            var pause = options.KeyFetchPause * Math.Pow(2, Math.Min(Math.Max(0, failures - 1), 30));
            if (pause > options.LongestKeyFetchPause) pause = options.LongestKeyFetchPause;
            if (_byServer.Remove(server, out var before)) _byUse.Remove(before);
            _byServer.Add(
                server, _byUse.AddLast(new Fetches(server, failures, time.GetUtcNow() + pause)));
            if (_byServer.Count <= options.MaxKeyFetchServers) return;
            _byServer.Remove(_byUse.First!.Value.Server);
            _byUse.RemoveFirst();
        }
    }

    private sealed record Fetches(string Server, int Failures, DateTimeOffset NotBefore);
}
