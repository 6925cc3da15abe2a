using Matrix.Host.Storage;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// Events of which a server refused a transaction. An event is at fault only if the server refuses it alone, and took
/// another transaction since it refused the event first: otherwise the server, or a proxy before it, may refuse
/// everything. Until that is clear the event is put aside, and others are sent. Not thread-safe.
/// </summary>
internal sealed class RefusedEvents
{
    /// <summary>The events, with the number of successes before the first refusal.</summary>
    private readonly Dictionary<EventNid, long> _successesBefore = [];

    /// <summary>Those that are put aside, the earliest first.</summary>
    private readonly List<EventNid> _aside = [];

    private long _successes;

    /// <summary>The events that are put aside.</summary>
    internal IReadOnlyCollection<EventNid> Aside => _aside;

    /// <summary>A transaction with events was taken.</summary>
    internal void Succeeded() => _successes++;

    /// <summary>A transaction was refused.</summary>
    internal void Refused(IReadOnlyList<EventNid> pdus)
    {
        foreach (var pdu in pdus) _successesBefore.TryAdd(pdu, _successes);
    }

    /// <summary>Whether the server took another transaction since it refused the event first.</summary>
    internal bool IsAtFault(EventNid pdu) => _successesBefore.TryGetValue(pdu, out var before) && _successes > before;

    internal void PutAside(EventNid pdu)
    {
        if (!_aside.Contains(pdu)) _aside.Add(pdu);
    }

    /// <summary>An event that is sent alone next, to see whether it is at fault; null if there is none.</summary>
    internal EventNid? ToTry()
    {
        foreach (var pdu in _aside)
        {
            if (IsAtFault(pdu)) return pdu;
        }

        return null;
    }

    /// <summary>Forgets events that were taken, are skipped, or are not owed any more.</summary>
    internal void Forget(Func<EventNid, bool> isOwed)
    {
        if (_successesBefore.Count == 0) return;
        foreach (var pdu in _successesBefore.Keys.Where(pdu => !isOwed(pdu)).ToArray()) _successesBefore.Remove(pdu);
        _aside.RemoveAll(pdu => !isOwed(pdu));
    }
}
