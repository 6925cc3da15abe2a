using Matrix.Core.Federation;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Destinations;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// Another server: what it has not got, and when to try again. One transaction is in flight at a time. It takes EDUs
/// from their sources when it is built. A transaction that the server refuses is halved until the refused event or EDU
/// is alone; that one is skipped, and an event is recorded, if the server takes others. Thread-safe.
/// </summary>
internal sealed class Destination(string name, DestinationServices services) : QueuedSender
{
    private const int MaxFailureLength = 500;

    private readonly Lock _gate = new();
    private readonly OwedRooms _rooms = new(name, services.Options);
    private readonly Refusals _refusals = new();
    private DestinationBackoff _backoff = DestinationBackoff.Healthy(services.Pauses);
    private int _recordedStage;
    private long _lastSuccess;

    /// <summary>Why the last attempt failed; "" if it succeeded.</summary>
    private string _failure = "";

    /// <summary>Those who wait for the end of an attempt.</summary>
    private TaskCompletionSource<string>? _attempt;
    private PendingTransaction? _pending;
    private int _most = Transaction.MaxPdus;
    private int _mostEdus = Transaction.MaxEdus;

    /// <summary>
    /// Whether the next transaction with events has no EDUs. After a refused transaction with both, the EDUs go alone
    /// and then the events, so that whichever is at fault is found while the other goes on.
    /// </summary>
    private bool _pdusAlone;
    private bool _isSending;
    private bool _wokenWhileSending;
    private bool _lastWasSkipped;
    private bool _awaitsOthers;
    private bool _isRetired;

    /// <summary>Whether the pending transaction was built when only items that were put aside were left.</summary>
    private bool _isOfAside;

    /// <summary>The server's name.</summary>
    internal string Name { get; } = name;

    /// <summary>The failures since the last success.</summary>
    internal int Failures
    {
        get
        {
            lock (_gate) return _backoff.Failures;
        }
    }

    /// <summary>The number of owed events.</summary>
    internal int Owed
    {
        get
        {
            lock (_gate) return _rooms.Count;
        }
    }

    /// <summary>Restores what was recorded.</summary>
    internal void Restore(DestinationRow row, long now)
    {
        lock (_gate)
        {
            _backoff = DestinationBackoff.Restore(services.Pauses, row.Failures, row.RetryAt, now);
            _recordedStage = _backoff.Stage;
            _lastSuccess = row.LastSuccess;
            _failure = row.LastFailure;
        }
    }

    /// <summary>
    /// Restores what is owed of a room. What is recorded of the server itself is restored first.
    /// </summary>
    /// <param name="row">The row.</param>
    /// <param name="newest">The newest outbound event of the room, for an open row.</param>
    internal void Restore(OwedRow row, EventNid newest)
    {
        lock (_gate) _rooms.Restore(row, newest, _backoff.IsOutage, newestFirst: !_backoff.IsHealthy);
    }

    /// <summary>Owes events of a room to the server. False if this object is no longer in use.</summary>
    internal bool Owe(RoomNid nid, IEnumerable<EventNid> events, long position, bool hasLeft)
    {
        lock (_gate)
        {
            if (_isRetired) return false;
            _rooms.Add(nid, events, position, hasLeft, _backoff.IsOutage);
        }

        return true;
    }

    /// <summary>The server left a room by an event that is not sent to it.</summary>
    internal void Left(RoomNid nid)
    {
        lock (_gate) _rooms.Left(nid);
    }

    /// <summary>EDUs wait for the server. False if this object is no longer in use.</summary>
    internal bool HasEdus()
    {
        lock (_gate) return !_isRetired;
    }

    /// <summary>The server sent a request. Returns when to try again, if that is sooner than before.</summary>
    internal long? Woken(long now)
    {
        lock (_gate)
        {
            if (_isSending)
            {
                _wokenWhileSending = true;
                return null;
            }

            var before = _backoff.RetryAt;
            _backoff = _backoff.Woken(now);
            return _backoff.RetryAt < before ? _backoff.RetryAt : null;
        }
    }

    /// <summary>
    /// The end of the attempt that the server waits for: why it failed, or "". Null if it does not wait for one.
    /// </summary>
    internal Task<string>? AttemptAsync(long now)
    {
        lock (_gate)
        {
            if (_backoff.IsHealthy || _backoff.RetryAt <= now) return null;
            _attempt ??= new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
            return _attempt.Task;
        }
    }

    /// <summary>
    /// When to send new events. If only refused events were left, waiting for another event to compare with, new ones
    /// may go before the pause ends. Null if the pause applies to them too.
    /// </summary>
    internal long? NewsAt(long now)
    {
        lock (_gate) return !_awaitsOthers ? null : _isSending ? now : Woken(now);
    }

    /// <summary>When to try again; 0 for at once.</summary>
    internal long RetryAt
    {
        get
        {
            lock (_gate) return _backoff.IsHealthy ? 0 : _backoff.RetryAt;
        }
    }

    /// <summary>Ends the use of this object if the server is owed nothing and answers.</summary>
    internal bool TryRetire()
    {
        lock (_gate)
        {
            if (_isRetired) return false;
            return _isRetired = !_isSending
                && !HasMore()
                && _backoff.IsHealthy
                && !_rooms.IsUnrecorded
                && !_rooms.IsRecorded
                && _recordedStage == 0;
        }
    }

    /// <summary>
    /// Adds what changed since the last record to a batch. Events that a server which answers was owed only lately are
    /// left out: the position stays before them.
    /// </summary>
    /// <param name="batch">The batch.</param>
    /// <param name="recordedThrough">The position of the last record; later events are young.</param>
    /// <param name="all">Whether to record young events too, as at a stop.</param>
    /// <returns>
    /// The position before the first event that was left out; <see cref="long.MaxValue"/> if none was.
    /// </returns>
    internal long Record(WriteBatch batch, long recordedThrough, bool all)
    {
        lock (_gate)
        {
            var through = _rooms.Record(batch, recordedThrough, withYoung: all || !_backoff.IsHealthy);
            var stage = _backoff.Stage;
            if (stage != _recordedStage || (all && stage > 0))
            {
                batch.Add(new DestinationChanged(
                    Name, stage == 0 ? 0 : _backoff.Failures, _backoff.RetryAt, _lastSuccess, _failure));
                _recordedStage = stage;
            }

            return through;
        }
    }

    /// <summary>Records everything again: a record was not written.</summary>
    internal void RecordAgain()
    {
        lock (_gate)
        {
            _rooms.RecordAgain();
            _recordedStage = -1;
        }
    }

    /// <summary>Whether something has to be recorded.</summary>
    internal bool IsUnrecorded
    {
        get
        {
            lock (_gate) return _rooms.IsUnrecorded || _backoff.Stage != _recordedStage;
        }
    }

    /// <inheritdoc/>
    internal override async ValueTask<TurnEnd> TakeTurnAsync(CancellationToken stop)
    {
        try
        {
            var transaction = await NextAsync(stop).ConfigureAwait(false);
            lock (_gate)
            {
                _isSending = transaction is not null;
                _wokenWhileSending = false;
                if (transaction is null) EndAttempt("nothing is left to send");
            }

            if (transaction is null) return TurnEnd.Idle;
            var sent = await services.Sender.SendAsync(Name, transaction, stop).ConfigureAwait(false);
            if (sent.Gone.Count > 0) transaction = Without(transaction, sent.Gone);
            if (sent.IsSent) return End(transaction, sent);

            // Nothing was left to send, which says nothing of the server.
            lock (_gate)
            {
                _pending = null;
                if (HasMore()) return TurnEnd.Again;
                EndAttempt("nothing is left to send");
                return TurnEnd.Idle;
            }
        }
        catch (StorageException)
        {
            // The events could not be read. This is no fault of the server.
            return TurnEnd.Later(services.Now() + (long)services.Options.FirstPause.TotalMilliseconds);
        }
#pragma warning disable CA1031 // Whatever failed, the events are still owed.
        catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            services.LogFault(Name, fault);
            lock (_gate) return Failed("a fault of this server: its log has the reason");
        }
        finally
        {
            lock (_gate) _isSending = false;
            services.Changed(this);
        }
    }

    /// <summary>A transaction without events that are not stored any more. They are owed no longer.</summary>
    private PendingTransaction Without(PendingTransaction transaction, IReadOnlyList<EventNid> gone)
    {
        lock (_gate)
        {
            _rooms.Remove(gone);
            return _pending = transaction with { Pdus = [.. transaction.Pdus.Except(gone)] };
        }
    }

    private TurnEnd End(PendingTransaction transaction, SendResult sent)
    {
        if (sent.Failure is not { } failure)
        {
            services.Metrics.Sent(transaction.Pdus.Count, sent.Refused.Count, transaction.Edus.Count);
            services.Refused(Name, sent.Refused);
            lock (_gate) return Succeeded(transaction);
        }

        services.Metrics.Failed(failure);
        if (failure is { Kind: FederationFailureKind.Refused, Status: 400 or 413 })
        {
            return Refused(transaction, failure);
        }

        lock (_gate) return Failed(failure.ToString(), failure.Status == 429 ? failure.RetryAfter : null);
    }

    private TurnEnd Succeeded(PendingTransaction transaction)
    {
        _refusals.Succeeded(transaction);
        Remove(transaction);
        _backoff = _backoff.Succeeded();
        _lastSuccess = services.Now();
        _failure = "";
        EndAttempt("");
        if (!transaction.IsProbe) _lastWasSkipped = false;
        if (transaction.Pdus.Count > 0) _most = Math.Min(2 * _most, Transaction.MaxPdus);
        if (transaction.Edus.Count > 0) _mostEdus = Math.Min(2 * _mostEdus, Transaction.MaxEdus);
        return TurnEnd.Succeeded(HasMore());
    }

    private bool HasMore() => !_rooms.IsEmpty || _refusals.EdusAside.Count > 0 || services.Edus.HasFor(Name);

    private void EndAttempt(string result)
    {
        _attempt?.TrySetResult(result);
        _attempt = null;
    }

    private TurnEnd Failed(string reason, TimeSpan? askedPause = null)
    {
        var now = services.Now();
        _failure = reason.Length <= MaxFailureLength ? reason : reason[..MaxFailureLength];
        EndAttempt(_failure);
        _backoff = _backoff.Failed(now, (long)(askedPause?.TotalMilliseconds ?? 0));
        if (_wokenWhileSending) _backoff = _backoff.Woken(now);
        if (_pending is { Pdus.Count: 0, Edus: var edus } && edus.All(static each => each.Source.IsTransient))
        {
            _pending = null;
        }

        if (_backoff.IsOutage)
        {
            // What is sent after an outage is chosen then.
            _pending = null;
            _pdusAlone = false;
            _rooms.Interrupt();
        }

        services.Edus.Failed(Name, _pending?.Edus ?? []);
        return TurnEnd.Later(_backoff.RetryAt);
    }

    /// <summary>
    /// The server refused a transaction. Without a standard error it was a proxy, which at most says that the
    /// transaction is too large: one event or EDU can be, too.
    /// </summary>
    private TurnEnd Refused(PendingTransaction transaction, FederationFailure failure)
    {
        var isStandard = failure.ErrorCode.Length > 0;
        var isAlone = transaction.Pdus.Count + transaction.Edus.Count == 1;
        lock (_gate)
        {
            // A server that refuses an empty transaction refuses everything.
            if (transaction.IsProbe) return Failed(failure.ToString());
            if (!isStandard && failure.Status == 400) return Failed(failure.ToString());
            _refusals.Refused(transaction, byProxy: !isStandard);
            if (!isAlone)
            {
                _pending = PartOf(transaction);
                return TurnEnd.Again;
            }

            if (_refusals.TryPutAside(transaction)) return PutAside(transaction, failure);
        }

        if (transaction.Pdus.Count == 1) services.Skip(Name, transaction.Pdus[0], failure);
        else services.Skip(Name, transaction.Edus[0], failure);
        lock (_gate)
        {
            Remove(transaction);

            // A server that refuses one event after the other is not asked at full speed.
            if (_lastWasSkipped) return Failed(failure.ToString());
            _lastWasSkipped = true;
            if (HasMore()) return TurnEnd.Again;
            EndAttempt(failure.ToString());
            return TurnEnd.Idle;
        }
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

    /// <summary>
    /// An item was refused alone and put aside, and the server has taken nothing since. Other transactions will show
    /// whether the item is at fault.
    /// </summary>
    private TurnEnd PutAside(PendingTransaction transaction, FederationFailure failure)
    {
        _pending = null;
        _awaitsOthers = transaction.Pdus.Count > 0
            && _rooms.Count <= _refusals.PdusAside.Count
            && !services.Edus.HasFor(Name);
        return _awaitsOthers || _isOfAside || _refusals.Count > 1 ? Failed(failure.ToString()) : TurnEnd.Again;
    }

    private void Remove(PendingTransaction transaction)
    {
        _pending = null;
        if (transaction.Pdus.Count > 0) _pdusAlone = false;
        _rooms.Remove(transaction.Pdus);
        _refusals.Remove(transaction, _rooms.Has);
        EduSources.Remove(Name, transaction.Edus, _refusals.EdusAside);
    }

    /// <summary>The transaction to send; null if there is nothing to send.</summary>
    private async ValueTask<PendingTransaction?> NextAsync(CancellationToken stop)
    {
        while (true)
        {
            var next = await ChooseAsync(stop).ConfigureAwait(false);
            if (next is not { Pdus.Count: 0, Edus: [var edu] }) return next;
            lock (_gate)
            {
                if (!_refusals.EdusAside.Contains(edu)) return next;
            }

            if (await edu.Source.IsStillForAsync(Name, edu.Edu, stop).ConfigureAwait(false)) return next;
            lock (_gate)
            {
                // Its source knows what is left of it.
                _pending = null;
                _refusals.Remove(next, _rooms.Has);
            }
        }
    }

    /// <summary>The transaction that failed, or a new one; null if there is nothing to send.</summary>
    private async ValueTask<PendingTransaction?> ChooseAsync(CancellationToken stop)
    {
        List<EventNid> pdus;
        IReadOnlyList<OwedEdu> aside;
        int mostEdus;
        lock (_gate)
        {
            _awaitsOthers = false;
            if (_isRetired) return null;
            if (_pending is not null) return _pending;
            _isOfAside = false;
            if (_refusals.ToTry(_rooms.Has) is { } suspect) return _pending = suspect;
            pdus = _rooms.Next(_most, _refusals.PdusAside);
            aside = [.. _refusals.EdusAside];
            mostEdus = (_pdusAlone && pdus.Count > 0) || _refusals.IsFull ? 0 : _mostEdus;
        }

        var edus = mostEdus == 0
            ? []
            : await services.Edus.NextAsync(Name, mostEdus, aside, stop).ConfigureAwait(false);
        lock (_gate)
        {
            _isOfAside = pdus.Count == 0 && edus.Count == 0;
            return _pending = _isOfAside ? _refusals.NextOfAside() : PendingTransaction.Of(pdus, edus);
        }
    }
}
