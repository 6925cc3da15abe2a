using Matrix.Core.Federation;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Outbound.Queue;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Destinations;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// Another server: what it has not got, and when to try again. One transaction is in flight at a time. An event
/// or EDU that the server refuses is skipped, and an event is recorded, if the server takes others. Thread-safe.
/// </summary>
internal sealed class Destination : QueuedSender
{
    private const int MaxFailureLength = 500;

    private readonly DestinationServices _services;
    private readonly Lock _gate = new();
    private readonly PendingRooms _rooms;
    private readonly PendingTransactions _transactions;
    private DestinationBackoff _backoff;
    private int _recordedStage;
    private long _lastSuccess;

    // The first failure since the last success, and the last one; null if they were before the start.
    private long? _failingSince;
    private long? _lastFailure;

    /// <summary>Why the last attempt failed; "" if it succeeded.</summary>
    private string _failure = "";

    /// <summary>Those who wait for the end of an attempt.</summary>
    private TaskCompletionSource<string>? _attempt;
    private bool _isSending;
    private bool _wokenWhileSending;
    private bool _lastWasSkipped;
    private bool _isRetired;

    internal Destination(string name, DestinationServices services)
    {
        (Name, _services) = (name, services);
        _rooms = new PendingRooms(name, services.Options);
        _transactions = new PendingTransactions(name, _rooms, services.Edus, _gate);
        _backoff = DestinationBackoff.Healthy(services.Pauses);
    }

    /// <summary>The server's name.</summary>
    internal string Name { get; }

    /// <summary>The failures since the last success.</summary>
    internal int Failures
    {
        get
        {
            lock (_gate) return _backoff.Failures;
        }
    }

    /// <summary>Whether it answers, and since when it does not.</summary>
    internal KnownServer State
    {
        get
        {
            lock (_gate)
            {
                return new KnownServer(
                    Name,
                    _backoff.Failures,
                    _backoff.IsHealthy ? 0 : _backoff.RetryAt,
                    _lastSuccess,
                    _failure,
                    _backoff.Failures == 0 ? null : _failingSince,
                    _backoff.Failures == 0 ? null : _lastFailure);
            }
        }
    }

    /// <summary>The number of pending events.</summary>
    internal int Pending
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
            _backoff = DestinationBackoff.Restore(_services.Pauses, row.Failures, row.RetryAt, now);
            _recordedStage = _backoff.Stage;
            _lastSuccess = row.LastSuccess;
            _failure = row.LastFailure;
        }
    }

    /// <summary>
    /// Restores what is pending of a room. What is recorded of the server itself is restored first.
    /// </summary>
    /// <param name="row">The row.</param>
    /// <param name="newest">The newest outbound event of the room, for an open row.</param>
    internal void Restore(PendingEventsRow row, EventNid newest)
    {
        lock (_gate) _rooms.Restore(row, newest, _backoff.IsOutage, newestFirst: !_backoff.IsHealthy);
    }

    /// <summary>Enqueues events of a room for the server. False if this object is no longer in use.</summary>
    internal bool Enqueue(RoomNid nid, IEnumerable<EventNid> events, long position, bool hasLeft)
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
        lock (_gate) return !_transactions.AwaitsOthers ? null : _isSending ? now : Woken(now);
    }

    /// <summary>When to try again; 0 for at once.</summary>
    internal long RetryAt
    {
        get
        {
            lock (_gate) return _backoff.IsHealthy ? 0 : _backoff.RetryAt;
        }
    }

    private bool IsRetired
    {
        get
        {
            lock (_gate) return _isRetired;
        }
    }

    /// <summary>Ends the use of this object if the server is owed nothing and answers.</summary>
    internal bool TryRetire()
    {
        lock (_gate)
        {
            if (_isRetired) return false;
            return _isRetired = !_isSending
                && !_transactions.HasMore
                && _backoff.IsHealthy
                && !_rooms.IsUnrecorded
                && !_rooms.IsRecorded
                && _recordedStage == 0;
        }
    }

    /// <summary>Ends the use of this object: another node sends to the server.</summary>
    internal void Retire()
    {
        lock (_gate)
        {
            _isRetired = true;
            EndAttempt("another node sends to the server");
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
                batch.AlsoOf(Authority.Server(Name)).Add(new DestinationChanged(
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
    internal override async ValueTask<AttemptResult> AttemptAsync(CancellationToken stop)
    {
        if (!_services.Gates.TryEnter(Authority.Server(Name), out var visit)) return AttemptResult.Idle;
        using (visit)
        {
            if (!visit.Closing.CanBeCanceled) return await AttemptAsync(default, stop);
            using var here = CancellationTokenSource.CreateLinkedTokenSource(stop, visit.Closing);
            return await AttemptAsync(visit.Closing, here.Token);
        }
    }

    /// <param name="closing">Cancelled when the shard goes to another node, which sends the transaction anew.</param>
    private async ValueTask<AttemptResult> AttemptAsync(CancellationToken closing, CancellationToken stop)
    {
        try
        {
            var transaction = IsRetired ? null : await _transactions.NextAsync(stop);
            lock (_gate)
            {
                _isSending = transaction is not null;
                _wokenWhileSending = false;
                if (transaction is null) EndAttempt("nothing is left to send");
            }

            if (transaction is null) return AttemptResult.Idle;
            var sent = await _services.Sender.SendAsync(Name, transaction, stop);
            if (sent.Gone.Count > 0)
            {
                lock (_gate) transaction = _transactions.Without(transaction, sent.Gone);
            }

            if (sent.IsSent) return End(transaction, sent);

            // Nothing was left to send, which says nothing of the server.
            lock (_gate)
            {
                _transactions.DropPending();
                if (_transactions.HasMore) return AttemptResult.Again;
                EndAttempt("nothing is left to send");
                return AttemptResult.Idle;
            }
        }
        catch (OperationCanceledException) when (closing.IsCancellationRequested)
        {
            return AttemptResult.Idle;
        }
        catch (StorageException)
        {
            // The events could not be read. This is no fault of the server.
            return AttemptResult.Later(_services.Now() + (long)_services.Options.FirstPause.TotalMilliseconds);
        }
#pragma warning disable CA1031 // Whatever failed, the events are still owed.
        catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            _services.LogFault(Name, fault);
            lock (_gate) return Failed("a fault of this server: its log has the reason");
        }
        finally
        {
            lock (_gate) _isSending = false;
            _services.Changed(this);
        }
    }

    private AttemptResult End(PendingTransaction transaction, SendResult sent)
    {
        if (sent.Failure is not { } failure)
        {
            _services.Metrics.Sent(transaction.Pdus.Count, sent.Refused.Count, transaction.Edus.Count);
            _services.Refused(Name, sent.Refused);
            lock (_gate) return Succeeded(transaction);
        }

        _services.Metrics.Failed(failure);
        if (failure is { Kind: FederationFailureKind.Refused, Status: 400 or 413 })
        {
            return Refused(transaction, failure);
        }

        lock (_gate) return Failed(failure.ToString(), failure.Status == 429 ? failure.RetryAfter : null);
    }

    private AttemptResult Succeeded(PendingTransaction transaction)
    {
        _transactions.Succeeded(transaction);
        _backoff = _backoff.Succeeded();
        _lastSuccess = _services.Now();
        _failure = "";
        EndAttempt("");
        if (!transaction.IsProbe) _lastWasSkipped = false;
        return AttemptResult.Succeeded(_transactions.HasMore);
    }

    private void EndAttempt(string result)
    {
        _attempt?.TrySetResult(result);
        _attempt = null;
    }

    private AttemptResult Failed(string reason, TimeSpan? askedPause = null)
    {
        var now = _services.Now();
        _failure = reason.Length <= MaxFailureLength ? reason : reason[..MaxFailureLength];
        EndAttempt(_failure);
        if (_backoff.Failures == 0) _failingSince = now;
        _lastFailure = now;
        _backoff = _backoff.Failed(now, (long)(askedPause?.TotalMilliseconds ?? 0));
        if (_wokenWhileSending) _backoff = _backoff.Woken(now);

        // A request of the server that comes from here on changes the time of the next attempt by itself.
        _isSending = false;
        _transactions.Failed(_backoff.IsOutage);
        return AttemptResult.Later(_backoff.RetryAt);
    }

    /// <summary>
    /// The server refused a transaction. Without a standard error it was a proxy, which at most says that the
    /// transaction is too large: one event or EDU can be, too.
    /// </summary>
    private AttemptResult Refused(PendingTransaction transaction, FederationFailure failure)
    {
        var isStandard = failure.ErrorCode.Length > 0;
        lock (_gate)
        {
            // A server that refuses an empty transaction refuses everything.
            if (transaction.IsProbe) return Failed(failure.ToString());
            if (!isStandard && failure.Status == 400) return Failed(failure.ToString());
            var next = _transactions.Refused(transaction, byProxy: !isStandard);
            if (next == AfterRefusal.Again) return AttemptResult.Again;
            if (next == AfterRefusal.Pause) return Failed(failure.ToString());
        }

        if (transaction.Pdus.Count == 1) _services.Skip(Name, transaction.Pdus[0], failure);
        else _services.Skip(Name, transaction.Edus[0], failure);
        lock (_gate)
        {
            _transactions.Remove(transaction);

            // A server that refuses one event after the other is not asked at full speed.
            if (_lastWasSkipped) return Failed(failure.ToString());
            _lastWasSkipped = true;
            if (_transactions.HasMore) return AttemptResult.Again;
            EndAttempt(failure.ToString());
            return AttemptResult.Idle;
        }
    }
}
