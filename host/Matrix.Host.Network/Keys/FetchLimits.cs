using System.Net;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// The bounds on fetches of keys: a pause for each server, which doubles with each failure, and limits per minute on
/// fetches that others cause.
/// </summary>
internal sealed class FetchLimits(NetworkOptions options, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, LinkedListNode<Fetches>> _byServer = new(StringComparer.Ordinal);
    private readonly LinkedList<Fetches> _byUse = new();
    private readonly Budget<IPAddress> _ofRequests = new(
        options.MaxKeyFetchesPerMinute, options.MaxKeyFetchesPerAddress);

    private readonly Budget<IPAddress> _ofQueries = new(
        options.MaxNotaryFetchesPerMinute, options.MaxNotaryFetchesPerAddress);

    private readonly Budget<string> _ofSenders = new(int.MaxValue, options.MaxKeyFetchesPerSender);
    private DateTimeOffset _minuteEnds;

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
            return cause switch
            {
                { AskedBy: { } address, IsQuery: true } => _ofQueries.Take(AddressBlock.Of(address)),
                { AskedBy: { } address } => _ofRequests.Take(AddressBlock.Of(address)),
                { SentBy: { } sender } => _ofSenders.Take(sender),
                _ => true,
            };
        }
    }

    internal void Succeeded(string server) => Remember(server, failures: 0);

    /// <summary>Ends the pause of a server.</summary>
    internal void Forget(string server)
    {
        lock (_gate)
        {
            if (_byServer.Remove(server, out var before)) _byUse.Remove(before);
        }
    }

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
        _ofRequests.Clear();
        _ofQueries.Clear();
        _ofSenders.Clear();
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

    /// <summary>The fetches of a minute, in all and by their cause.</summary>
    private sealed class Budget<T>(int most, int mostOfOne)
        where T : notnull
    {
        private readonly Dictionary<T, int> _byCause = [];
        private int _all;

        internal bool Take(T cause)
        {
            var own = _byCause.GetValueOrDefault(cause);
            if (_all >= most || own >= mostOfOne) return false;
            _byCause[cause] = own + 1;
            _all++;
            return true;
        }

        internal void Clear()
        {
            _byCause.Clear();
            _all = 0;
        }
    }

    /// <summary>The latest fetch of a server's keys.</summary>
    private sealed record Fetches(string Server, int Failures, DateTimeOffset NotBefore);
}

/// <summary>The cause of a fetch of keys.</summary>
/// <param name="AskedBy">The address of a request that is not authenticated; null for another cause.</param>
/// <param name="SentBy">The server that sent events with signatures; null for another cause.</param>
/// <param name="IsQuery">Whether the request asks for the keys themselves, as of a notary.</param>
internal readonly record struct KeyFetchCause(IPAddress? AskedBy, string? SentBy, bool IsQuery = false);
