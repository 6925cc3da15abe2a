using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Storage;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// What a server refused. An event is at fault if another event was taken since its first refusal; an EDU if any other
/// transaction was. If only EDUs are left that are deferred, an empty transaction shows whether they are, unless a
/// proxy refused them, which may take nothing else. Not thread-safe.
/// </summary>
internal sealed class Refusals
{
    /// <summary>
    /// The most EDUs that are deferred. When this many were refused alone, no other EDU is tried, as if none were
    /// left.
    /// </summary>
    private const int MaxDeferredEdus = 20;

    /// <summary>The most refused EDUs that are remembered.</summary>
    private const int MaxRemembered = 1000;

    private readonly RefusedItems<EventNid> _pdus = new();
    private readonly RefusedItems<PendingEdu> _edus = new();

    /// <summary>
    /// Counts the transactions of <see cref="NextDeferred"/> since the last success: what is deferred, and the probe,
    /// take turns.
    /// </summary>
    private int _attempts;

    /// <summary>The events that are deferred.</summary>
    internal IReadOnlyList<EventNid> DeferredPdus => _pdus.Deferred;

    /// <summary>The EDUs that are deferred.</summary>
    internal IReadOnlyList<PendingEdu> DeferredEdus => _edus.Deferred;

    /// <summary>Whether no further EDU may be deferred.</summary>
    internal bool IsFull => _edus.Deferred.Count >= MaxDeferredEdus;

    /// <summary>The number of events and EDUs that are deferred.</summary>
    internal int Count => _pdus.Deferred.Count + _edus.Deferred.Count;

    /// <summary>The server took a transaction.</summary>
    internal void Succeeded(PendingTransaction transaction)
    {
        if (transaction.Pdus.Count > 0) _pdus.Succeeded(isProbe: false);
        _edus.Succeeded(transaction.IsProbe);
        _attempts = 0;
    }

    /// <summary>The server refused a transaction. One with both kinds says nothing of either.</summary>
    /// <param name="byProxy">Whether the error was no standard one.</param>
    internal void Refused(PendingTransaction transaction, bool byProxy)
    {
        if (transaction.Edus.Count == 0) _pdus.Refused(transaction.Pdus, byProxy);
        if (transaction.Pdus.Count > 0) return;
        if (_edus.Count > MaxRemembered) _edus.KeepOnly(edu => _edus.Deferred.Contains(edu));
        _edus.Refused(transaction.Edus, byProxy);
    }

    /// <summary>
    /// Defers what was refused alone, unless it is at fault. An EDU without a meaning later is not kept.
    /// </summary>
    internal bool TryDefer(PendingTransaction transaction)
    {
        if (transaction.Pdus is [var pdu])
        {
            if (_pdus.IsAtFault(pdu)) return false;
            _pdus.Defer(pdu);
            return true;
        }

        var edu = transaction.Edus[0];
        if (edu.Source.IsTransient || _edus.IsAtFault(edu)) return false;
        _edus.Defer(edu);
        return true;
    }

    /// <summary>Forgets what was taken or is skipped, and events that are not owed any more.</summary>
    internal void Remove(PendingTransaction transaction, Func<EventNid, bool> isPending)
    {
        _pdus.KeepOnly(isPending);
        _edus.KeepOnly(edu => !transaction.Edus.Contains(edu));
    }

    /// <summary>An item that was deferred before the server took others, sent alone to see whether it is at fault;
    /// null if there is none.</summary>
    internal PendingTransaction? ToTry(Func<EventNid, bool> isPending)
    {
        _pdus.KeepOnly(isPending);
        if (_edus.ToTry() is { } edu) return PendingTransaction.Of([], [edu]);
        return _pdus.ToTry() is { } pdu ? PendingTransaction.Of([pdu], []) : null;
    }

    /// <summary>
    /// The transaction when nothing else is left; null if nothing is deferred. An empty one comes first, if it can
    /// show of an EDU whether it is at fault: a server that takes it does not refuse everything.
    /// </summary>
    internal PendingTransaction? NextDeferred()
    {
        var (edus, pdus) = (_edus.Deferred, _pdus.Deferred);
        var probes = edus.Any(edu => !_edus.IsByProxy(edu));
        var kinds = (probes ? 1 : 0) + (edus.Count > 0 ? 1 : 0) + (pdus.Count > 0 ? 1 : 0);
        if (kinds == 0) return null;
        var (round, kind) = Math.DivRem(_attempts++, kinds);
        if (probes && kind-- == 0) return PendingTransaction.Of([], []);
        return edus.Count > 0 && kind == 0
            ? PendingTransaction.Of([], [edus[round % edus.Count]])
            : PendingTransaction.Of([pdus[round % pdus.Count]], []);
    }
}
