using Matrix.Core.Federation;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Storage;

namespace Matrix.Host.Outbound.Federation;

/// <summary>What happens after a server refused a transaction.</summary>
internal enum AfterRefusal
{
    /// <summary>Another transaction is sent at once.</summary>
    Again,

    /// <summary>It counts as a failure of the server.</summary>
    Pause,

    /// <summary>The only item of the transaction is at fault: it is skipped.</summary>
    Skip,
}

/// <summary>
/// What a server is owed, as the transactions that are sent to it. EDUs are taken from their sources when a transaction
/// is built. A refused transaction is halved until the refused event or EDU is alone. One transaction is pending at a
/// time.
/// </summary>
/// <param name="name">The server's name.</param>
/// <param name="rooms">The pending events.</param>
/// <param name="edus">The sources of EDUs.</param>
/// <param name="gate">The lock of the server. All but <see cref="NextAsync"/> is called inside it.</param>
internal sealed class PendingTransactions(string name, PendingRooms rooms, EduSources edus, Lock gate)
{
    private readonly Refusals _refusals = new();
    private PendingTransaction? _pending;
    private int _most = FederationTransaction.MaxPdus;
    private int _mostEdus = FederationTransaction.MaxEdus;

    /// <summary>
    /// Whether the next transaction with events has no EDUs. After a refused transaction with both, the EDUs go alone
    /// and then the events, so that whichever is at fault is found while the other goes on.
    /// </summary>
    private bool _pdusAlone;

    /// <summary>Whether the pending transaction was built when only items that were deferred were left.</summary>
    private bool _isOfDeferred;

    /// <summary>
    /// Whether only refused events are left, which wait for another event to compare with.
    /// </summary>
    internal bool AwaitsOthers { get; private set; }

    /// <summary>Whether something is left to send.</summary>
    internal bool HasMore => !rooms.IsEmpty || _refusals.DeferredEdus.Count > 0 || edus.HasFor(name);

    /// <summary>The transaction to send; null if there is nothing to send.</summary>
    internal async ValueTask<PendingTransaction?> NextAsync(CancellationToken stop)
    {
        while (true)
        {
            var next = await ChooseAsync(stop);
            if (next is not { Pdus.Count: 0, Edus: [var edu] }) return next;
            lock (gate)
            {
                if (!_refusals.DeferredEdus.Contains(edu)) return next;
            }

            if (await edu.Source.IsStillForAsync(name, edu.Edu, stop)) return next;
            lock (gate)
            {
                // Its source knows what is left of it.
                _pending = null;
                _refusals.Remove(next, rooms.Has);
            }
        }
    }

    /// <summary>A transaction without events that are not stored any more. They are owed no longer.</summary>
    internal PendingTransaction Without(PendingTransaction transaction, IReadOnlyList<EventNid> gone)
    {
        rooms.Remove(gone);
        return _pending = transaction with { Pdus = [.. transaction.Pdus.Except(gone)] };
    }

    /// <summary>Nothing of the pending transaction is left to send.</summary>
    internal void DropPending() => _pending = null;

    /// <summary>The server took a transaction.</summary>
    internal void Succeeded(PendingTransaction transaction)
    {
        _refusals.Succeeded(transaction);
        Remove(transaction);
        if (transaction.Pdus.Count > 0) _most = Math.Min(2 * _most, FederationTransaction.MaxPdus);
        if (transaction.Edus.Count > 0) _mostEdus = Math.Min(2 * _mostEdus, FederationTransaction.MaxEdus);
    }

    /// <summary>
    /// The server did not take the pending transaction. EDUs without a meaning later are dropped with it; in an outage,
    /// what is sent after it is chosen then.
    /// </summary>
    internal void Failed(bool isOutage)
    {
        if (_pending is { Pdus.Count: 0, Edus: var sent } && sent.All(static each => each.Source.IsTransient))
        {
            _pending = null;
        }

        if (isOutage)
        {
            _pending = null;
            _pdusAlone = false;
            rooms.Interrupt();
        }

        edus.Failed(name, _pending?.Edus ?? []);
    }

    /// <summary>The server refused a transaction, which is not a probe.</summary>
    /// <param name="transaction">The transaction.</param>
    /// <param name="byProxy">Whether the error was no standard one.</param>
    internal AfterRefusal Refused(PendingTransaction transaction, bool byProxy)
    {
        _refusals.Refused(transaction, byProxy);
        if (transaction.Pdus.Count + transaction.Edus.Count > 1)
        {
            _pending = PartOf(transaction);
            return AfterRefusal.Again;
        }

        if (!_refusals.TryDefer(transaction)) return AfterRefusal.Skip;

        // The server has taken nothing since: other transactions will show whether the item is at fault.
        _pending = null;
        AwaitsOthers = transaction.Pdus.Count > 0
            && rooms.Count <= _refusals.DeferredPdus.Count
            && !edus.HasFor(name);
        return AwaitsOthers || _isOfDeferred || _refusals.Count > 1 ? AfterRefusal.Pause : AfterRefusal.Again;
    }

    /// <summary>Ends what is pending of a transaction: it was taken, or is skipped.</summary>
    internal void Remove(PendingTransaction transaction)
    {
        _pending = null;
        if (transaction.Pdus.Count > 0) _pdusAlone = false;
        rooms.Remove(transaction.Pdus);
        _refusals.Remove(transaction, rooms.Has);
        EduSources.Remove(name, transaction.Edus, _refusals.DeferredEdus);
    }

    /// <summary>The part of a refused transaction that is sent next.</summary>
    private PendingTransaction PartOf(PendingTransaction refused)
    {
        if (refused is { Pdus.Count: > 0, Edus.Count: > 0 })
        {
            _pdusAlone = true;
            return PendingTransaction.Of([], refused.Edus);
        }

        if (refused.Pdus.Count > 0)
        {
            _most = refused.Pdus.Count / 2;
            return PendingTransaction.Of([.. refused.Pdus.Take(_most)], []);
        }

        _mostEdus = refused.Edus.Count / 2;
        return PendingTransaction.Of([], [.. refused.Edus.Take(_mostEdus)]);
    }

    /// <summary>The transaction that failed, or a new one; null if there is nothing to send.</summary>
    private async ValueTask<PendingTransaction?> ChooseAsync(CancellationToken stop)
    {
        List<EventNid> pdus;
        IReadOnlyList<PendingEdu> deferred;
        int mostEdus;
        lock (gate)
        {
            AwaitsOthers = false;
            if (_pending is not null) return _pending;
            _isOfDeferred = false;
            if (_refusals.ToTry(rooms.Has) is { } suspect) return _pending = suspect;
            pdus = rooms.Next(_most, _refusals.DeferredPdus);
            deferred = [.. _refusals.DeferredEdus];
            mostEdus = (_pdusAlone && pdus.Count > 0) || _refusals.IsFull ? 0 : _mostEdus;
        }

        var taken = mostEdus == 0
            ? []
            : await edus.NextAsync(name, mostEdus, deferred, stop);
        lock (gate)
        {
            _isOfDeferred = pdus.Count == 0 && taken.Count == 0;
            return _pending = _isOfDeferred ? _refusals.NextDeferred() : PendingTransaction.Of(pdus, taken);
        }
    }
}
