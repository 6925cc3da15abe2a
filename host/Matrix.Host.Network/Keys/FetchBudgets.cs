using System.Net;

namespace Matrix.Host.Network.Keys;

/// <summary>The limits per minute on fetches of keys that others cause. Thread-safe.</summary>
internal sealed class FetchBudgets(NetworkOptions options, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Budget<IPAddress> _ofRequests = new(
        options.MaxKeyFetchesPerMinute, options.MaxKeyFetchesPerAddress);

    private readonly Budget<IPAddress> _ofKnownServers = new(
        options.MaxKnownKeyFetchesPerMinute, options.MaxKeyFetchesPerAddress);

    private readonly Budget<IPAddress> _ofQueries = new(
        options.MaxNotaryFetchesPerMinute, options.MaxNotaryFetchesPerAddress);

    private readonly Budget<string> _ofSenders = new(int.MaxValue, options.MaxKeyFetchesPerSender);
    private readonly Budget<(string Server, string? SentBy)> _ofServers = new(
        options.MaxKeyFetchServers, options.MaxNotaryQueriesPerServer);

    private DateTimeOffset _minuteEnds;

    /// <summary>Counts a fetch that a stranger or a sending server causes. False if there were too many.</summary>
    internal bool Take(KeyFetchCause cause)
    {
        lock (_gate)
        {
            NextMinute();
            return TakeOf(cause);
        }
    }

    /// <summary>
    /// The same for a fetch that has no pause for its server: the events of one sending server cause a bounded number
    /// of them about each server.
    /// </summary>
    internal bool Take(KeyFetchCause cause, string server)
    {
        lock (_gate)
        {
            NextMinute();
            return (cause.AskedBy is not null || _ofServers.Take((server, cause.SentBy))) && TakeOf(cause);
        }
    }

    private bool TakeOf(KeyFetchCause cause) => cause switch
    {
        { AskedBy: { } address, IsQuery: true } => _ofQueries.Take(AddressBlock.Of(address)),
        // Keys are valid for a while after a refresh, and a failed one is followed by a pause.
        { AskedBy: not null, IsOfKnownServer: true, IsRefresh: true } => true,
        { AskedBy: { } address, IsOfKnownServer: true } => _ofKnownServers.Take(AddressBlock.Of(address)),
        { AskedBy: { } address } => _ofRequests.Take(AddressBlock.Of(address)),
        { SentBy: { } sender } => _ofSenders.Take(sender),
        _ => true,
    };

    private void NextMinute()
    {
        var now = time.GetUtcNow();
        if (now < _minuteEnds) return;
        _minuteEnds = now + TimeSpan.FromMinutes(1);
        _ofRequests.Clear();
        _ofKnownServers.Clear();
        _ofQueries.Clear();
        _ofSenders.Clear();
        _ofServers.Clear();
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
}
