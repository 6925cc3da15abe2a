using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Storage;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// What a server refused. An event is at fault if another event was taken since its first refusal; an EDU if any other
/// transaction was. If only EDUs are left that are put aside, an empty transaction shows whether they are, unless a
/// proxy refused them, which may take nothing else. Not thread-safe.
/// </summary>
internal sealed class Refusals
{
    /// <summary>
    /// The most EDUs that are put aside. When this many were refused alone, no other EDU is tried, as if none were
    /// left.
    /// </summary>
    private const int MaxEdusAside = 20;

    /// <summary>The most refused EDUs that are remembered.</summary>
    private const int MaxRemembered = 1000;

    private readonly RefusedItems<EventNid> _pdus = new();
    private readonly RefusedItems<OwedEdu> _edus = new();

    /// <summary>
    /// Counts the transactions of <see cref="NextOfAside"/> since the last success: what is put aside, and the probe,
    /// take turns.
    /// </summary>
    private int _turns;

    /// <summary>The events that are put aside.</summary>
    internal IReadOnlyList<EventNid> PdusAside => _pdus.Aside;

    /// <summary>The EDUs that are put aside.</summary>
    internal IReadOnlyList<OwedEdu> EdusAside => _edus.Aside;

    /// <summary>Whether no further EDU may be put aside.</summary>
    internal bool IsFull => _edus.Aside.Count >= MaxEdusAside;

    /// <summary>The number of events and EDUs that are put aside.</summary>
    internal int Count => _pdus.Aside.Count + _edus.Aside.Count;

    /// <summary>The server took a transaction.</summary>
    internal void Succeeded(PendingTransaction transaction)
    {
        if (transaction.Pdus.Count > 0) _pdus.Succeeded(isProbe: false);
        _edus.Succeeded(transaction.IsProbe);
        _turns = 0;
    }

    /// <summary>The server refused a transaction. One with both kinds says nothing of either.</summary>
    /// <param name="byProxy">Whether the error was no standard one.</param>
    internal void Refused(PendingTransaction transaction, bool byProxy)
    {
        if (transaction.Edus.Count == 0) _pdus.Refused(transaction.Pdus, byProxy);
        if (transaction.Pdus.Count > 0) return;
        if (_edus.Count > MaxRemembered) _edus.KeepOnly(edu => _edus.Aside.Contains(edu));
        _edus.Refused(transaction.Edus, byProxy);
    }

    /// <summary>
    /// Puts aside what was refused alone, unless it is at fault. An EDU without a meaning later is not kept.
    /// </summary>
    internal bool TryPutAside(PendingTransaction transaction)
    {
        if (transaction.Pdus is [var pdu])
        {
            if (_pdus.IsAtFault(pdu)) return false;
            _pdus.PutAside(pdu);
            return true;
        }

        var edu = transaction.Edus[0];
        if (edu.Source.IsTransient || _edus.IsAtFault(edu)) return false;
        _edus.PutAside(edu);
        return true;
    }

    /// <summary>Forgets what was taken or is skipped, and events that are not owed any more.</summary>
    internal void Remove(PendingTransaction transaction, Func<EventNid, bool> isOwed)
    {
        _pdus.KeepOnly(isOwed);
        _edus.KeepOnly(edu => !transaction.Edus.Contains(edu));
    }

    /// <summary>An item that was put aside before the server took others, sent alone to see whether it is at fault;
    /// null if there is none.</summary>
    internal PendingTransaction? ToTry(Func<EventNid, bool> isOwed)
    {
        _pdus.KeepOnly(isOwed);
        if (_edus.ToTry() is { } edu) return PendingTransaction.Of([], [edu]);
        return _pdus.ToTry() is { } pdu ? PendingTransaction.Of([pdu], []) : null;
    }

    /// <summary>
    /// The transaction when nothing else is left; null if nothing is put aside. An empty one comes first, if it can
    /// show of an EDU whether it is at fault: a server that takes it does not refuse everything.
    /// </summary>
    internal PendingTransaction? NextOfAside()
    {
        var (edus, pdus) = (_edus.Aside, _pdus.Aside);
        var probes = edus.Any(edu => !_edus.IsByProxy(edu));
        var kinds = (probes ? 1 : 0) + (edus.Count > 0 ? 1 : 0) + (pdus.Count > 0 ? 1 : 0);
        if (kinds == 0) return null;
        var (round, kind) = Math.DivRem(_turns++, kinds);
        if (probes && kind-- == 0) return PendingTransaction.Of([], []);
        return edus.Count > 0 && kind == 0
            ? PendingTransaction.Of([], [edus[round % edus.Count]])
            : PendingTransaction.Of([pdus[round % pdus.Count]], []);
    }
}
