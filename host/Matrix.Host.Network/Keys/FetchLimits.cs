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
    private readonly Dictionary<string, int> _ofSenders = new(StringComparer.Ordinal);
    private DateTimeOffset _minuteEnds;
    private int _countThisMinute;

    /// <summary>
    /// Whether the keys of a server may be fetched now. If so, a fetch that a stranger or a sending server causes is
    /// counted.
    /// </summary>
    internal bool Allow(string server, KeyFetchCause cause)
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (_byServer.TryGetValue(server, out var fetches) && now < fetches.Value.NotBefore) return false;
            NextMinute(now);
            return cause.AskedBy is { } address ? CountStranger(address)
                : cause.SentBy is not { } sender || CountSender(sender);
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

    private void NextMinute(DateTimeOffset now)
    {
        if (now < _minuteEnds) return;
        _minuteEnds = now + TimeSpan.FromMinutes(1);
        _countThisMinute = 0;
        _thisMinute.Clear();
        _ofSenders.Clear();
    }

    private bool CountSender(string sender)
    {
        var own = _ofSenders.GetValueOrDefault(sender);
        if (own >= options.MaxKeyFetchesPerSender) return false;
        _ofSenders[sender] = own + 1;
        return true;
    }

    private bool CountStranger(IPAddress address)
    {
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

    /// <summary>The latest fetch of a server's keys.</summary>
    private sealed record Fetches(string Server, int Failures, DateTimeOffset NotBefore);
}

/// <summary>The cause of a fetch of keys.</summary>
/// <param name="AskedBy">The address of a request that is not authenticated; null for another cause.</param>
/// <param name="SentBy">The server that sent events with signatures; null for another cause.</param>
internal readonly record struct KeyFetchCause(IPAddress? AskedBy, string? SentBy);
