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
/// Another server: the events that it has not got, room by room, and when to try again. One transaction is in flight at
/// a time. Rooms take turns. After an outage the newest event of each room goes first. A transaction takes EDUs from
/// their sources when it is built. One that the server refuses is halved until the refused event or EDU is alone; that
/// one is skipped, and an event is recorded, if the server takes others. Thread-safe.
/// </summary>
internal sealed class Destination(string name, DestinationServices services) : QueuedSender
{
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomNid, OwedEvents> _rooms = [];
    private readonly Queue<OwedEvents> _turns = new();
    private readonly RefusedEvents _refused = new();

    /// <summary>Rooms whose owed events differ from what is recorded.</summary>
    private readonly HashSet<RoomNid> _unrecorded = [];

    /// <summary>Rooms with a recorded row, and whether that is open.</summary>
    private readonly Dictionary<RoomNid, bool> _recorded = [];

    private DestinationBackoff _backoff = DestinationBackoff.Healthy(services.Pauses);
    private int _recordedStage;
    private long _lastSuccess;
    private PendingTransaction? _pending;
    private int _most = Transaction.MaxPdus;
    private int _mostEdus = Transaction.MaxEdus;

    /// <summary>
    /// Whether the next transaction with events has no EDUs. After a refused transaction with both, the EDUs go alone
    /// and then the events, so that whichever is at fault is found while the other goes on.
    /// </summary>
    private bool _pdusAlone;
    private bool _newestFirst;
    private bool _isSending;
    private bool _wokenWhileSending;
    private bool _lastWasSkipped;
    private bool _awaitsOthers;
    private bool _isRetired;

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
            lock (_gate) return _rooms.Values.Sum(static room => room.Count);
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
        }
    }

    /// <summary>
    /// Restores what is owed of a room. What is recorded of the server itself is restored first.
    /// </summary>
    /// <param name="row">The row.</param>
    /// <param name="newest">The newest outbound event of the room, for an open row.</param>
    internal void Restore(OwedRow row, EventNid newest)
    {
        lock (_gate)
        {
            var room = RoomOf(row.Room);

            // What is owed by the database needs no new row before it changes.
            foreach (var ordinal in row.Ordinals) room.Add(ordinal, 0, services.Options.MaxOwed);
            if (row.IsOpen)
            {
                if (!newest.IsNone) room.Add(newest.Ordinal, 0, services.Options.MaxOwed);
                room.KeepNewest();
            }

            if (_backoff.IsOutage) room.KeepAtMost(services.Options.MaxOwedInOutage);
            room.HasLeft = !row.IsOpen;
            _recorded[row.Room] = row.IsOpen;
            _newestFirst = !_backoff.IsHealthy;
        }
    }

    /// <summary>Owes events of a room to the server. False if this object is no longer in use.</summary>
    internal bool Owe(RoomNid nid, IEnumerable<EventNid> events, long position, bool hasLeft)
    {
        lock (_gate)
        {
            if (_isRetired) return false;
            var room = RoomOf(nid);
            var most = _backoff.IsOutage ? services.Options.MaxOwedInOutage : services.Options.MaxOwed;
            var isNew = false;
            foreach (var each in events) isNew |= room.Add(each.Ordinal, position, most);
            room.HasLeft = hasLeft;
            if (isNew && !(_recorded.GetValueOrDefault(nid) && room.IsOpenRowEnough)) _unrecorded.Add(nid);
        }

        return true;
    }

    /// <summary>The server left a room by an event that is not sent to it.</summary>
    internal void Left(RoomNid nid)
    {
        lock (_gate)
        {
            if (!_rooms.TryGetValue(nid, out var room) || room.IsEmpty || room.HasLeft) return;
            room.HasLeft = true;
            _unrecorded.Add(nid);
        }
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
    /// When to send events that came while only refused ones were left, which wait for others to be compared with; null
    /// if the pause holds for them too.
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
                && _rooms.Values.All(static room => room.IsEmpty)
                && !services.Edus.HasFor(Name)
                && _backoff.IsHealthy
                && _unrecorded.Count == 0
                && _recorded.Count == 0
                && _recordedStage == 0;
        }
    }

    /// <summary>
    /// Adds what changed since the last record to a batch. Events that a server which answers was owed only lately are
    /// left out: the position stays before them.
    /// </summary>
    /// <param name="recordedThrough">The position of the last record; later events are young.</param>
    /// <param name="all">Whether to record young events too, as at a stop.</param>
    /// <returns>
    /// The position before the first event that was left out; <see cref="long.MaxValue"/> if none was.
    /// </returns>
    internal long Record(WriteBatch batch, long recordedThrough, bool all)
    {
        var through = long.MaxValue;
        lock (_gate)
        {
            foreach (var nid in _unrecorded.ToArray())
            {
                var room = _rooms.GetValueOrDefault(nid);
                if (room is null or { IsEmpty: true })
                {
                    if (_recorded.Remove(nid)) batch.Add(new EventsOwed(Name, nid, [], false));
                }
                else if (!all && _backoff.IsHealthy && room.OldestPosition > recordedThrough)
                {
                    through = Math.Min(through, room.OldestPosition - 1);
                    continue;
                }
                else
                {
                    _recorded[nid] = room.IsOpenRowEnough;
                    batch.Add(new EventsOwed(Name, nid, [.. room.Ordinals], room.IsOpenRowEnough));
                }

                _unrecorded.Remove(nid);
            }

            var stage = _backoff.Stage;
            if (stage != _recordedStage || (all && stage > 0))
            {
                batch.Add(new DestinationChanged(
                    Name, stage == 0 ? 0 : _backoff.Failures, _backoff.RetryAt, _lastSuccess));
                _recordedStage = stage;
            }
        }

        return through;
    }

    /// <summary>Records everything again: a record was not written.</summary>
    internal void RecordAgain()
    {
        lock (_gate)
        {
            _unrecorded.UnionWith(_rooms.Keys);
            _unrecorded.UnionWith(_recorded.Keys);
            foreach (var nid in _unrecorded) _recorded[nid] = false;
            _recordedStage = -1;
        }
    }

    /// <summary>Whether something has to be recorded.</summary>
    internal bool IsUnrecorded
    {
        get
        {
            lock (_gate) return _unrecorded.Count > 0 || _backoff.Stage != _recordedStage;
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
            }

            if (transaction is null) return TurnEnd.Idle;
            var sent = await services.Sender.SendAsync(Name, transaction, stop).ConfigureAwait(false);
            return End(transaction, sent);
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
            lock (_gate) return Failed(null);
        }
        finally
        {
            lock (_gate) _isSending = false;
            services.Changed(this);
        }
    }

    private TurnEnd End(PendingTransaction transaction, FederationResult<IReadOnlyDictionary<string, string>> sent)
    {
        if (sent.Failure is not { } failure)
        {
            services.Metrics.Sent(transaction.Pdus.Count, sent.Value.Count, transaction.Edus.Count);
            services.LogRefused(Name, sent.Value);
            lock (_gate) return Succeeded(transaction);
        }

        services.Metrics.Failed(failure);
        if (failure is { Kind: FederationFailureKind.Refused, Status: 400 or 413 })
        {
            return Refused(transaction, failure);
        }

        lock (_gate) return Failed(failure.Status == 429 ? failure.RetryAfter : null);
    }

    private TurnEnd Succeeded(PendingTransaction transaction)
    {
        // Only another event that was taken shows that an event is at fault.
        if (transaction.Pdus.Count > 0) _refused.Succeeded();
        Remove(transaction);
        _backoff = _backoff.Succeeded();
        _lastSuccess = services.Now();
        _lastWasSkipped = false;
        if (transaction.Pdus.Count > 0) _most = Math.Min(2 * _most, Transaction.MaxPdus);
        if (transaction.Edus.Count > 0) _mostEdus = Math.Min(2 * _mostEdus, Transaction.MaxEdus);
        return TurnEnd.Succeeded(HasMore());
    }

    private bool HasMore()
    {
        if (_rooms.Values.Any(static room => !room.IsEmpty)) return true;
        _rooms.Clear();
        _turns.Clear();
        return services.Edus.HasFor(Name);
    }

    private TurnEnd Failed(TimeSpan? askedPause)
    {
        var now = services.Now();
        _backoff = _backoff.Failed(now, (long)(askedPause?.TotalMilliseconds ?? 0));
        if (_wokenWhileSending) _backoff = _backoff.Woken(now);
        services.Edus.Failed(Name);
        if (_pending is { Pdus.Count: 0, Edus: var edus } && edus.All(static each => each.Source.IsTransient))
        {
            _pending = null;
        }

        if (_backoff.IsOutage)
        {
            // What is sent after an outage is chosen then.
            _pending = null;
            _pdusAlone = false;
            _newestFirst = true;
            foreach (var room in _rooms.Values)
            {
                room.KeepAtMost(services.Options.MaxOwedInOutage);
                room.IsNewestSent = false;
            }
        }

        return TurnEnd.Later(_backoff.RetryAt);
    }

    /// <summary>
    /// The server refused a transaction. Without a standard error it was a proxy, which at most says that the
    /// transaction is too large.
    /// </summary>
    private TurnEnd Refused(PendingTransaction transaction, FederationFailure failure)
    {
        var isStandard = failure.ErrorCode.Length > 0;
        var isAlone = transaction.Pdus.Count + transaction.Edus.Count == 1;
        lock (_gate)
        {
            if (!isStandard && (failure.Status == 400 || isAlone)) return Failed(null);
            if (transaction.Edus.Count == 0) _refused.Refused(transaction.Pdus);
            if (!isAlone)
            {
                _pending = PartOf(transaction);
                return TurnEnd.Again;
            }

            if (transaction.Pdus.Count == 1 && !_refused.IsAtFault(transaction.Pdus[0]))
            {
                return PutAside(transaction.Pdus[0]);
            }
        }

        if (transaction.Pdus.Count == 1) services.Skip(Name, transaction.Pdus[0], failure);
        else services.Skip(Name, transaction.Edus[0], failure);
        lock (_gate)
        {
            Remove(transaction);

            // A server that refuses one event after the other is not asked at full speed.
            if (_lastWasSkipped) return Failed(null);
            _lastWasSkipped = true;
            return HasMore() ? TurnEnd.Again : TurnEnd.Idle;
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

    /// <summary>An event was refused alone, and nothing was taken since: others show whether it is at fault.</summary>
    private TurnEnd PutAside(EventNid pdu)
    {
        _pending = null;
        _refused.PutAside(pdu);
        _awaitsOthers = _rooms.Values.Sum(static room => room.Count) <= _refused.Aside.Count
            && !services.Edus.HasFor(Name);
        return _awaitsOthers || _refused.Aside.Count > 1 ? Failed(null) : TurnEnd.Again;
    }

    private void Remove(PendingTransaction transaction)
    {
        _pending = null;
        if (transaction.Pdus.Count > 0) _pdusAlone = false;
        EduSources.Remove(Name, transaction.Edus);
        var sent = transaction.Pdus.ToHashSet();
        foreach (var nid in transaction.Pdus.Select(static pdu => pdu.Room).Distinct())
        {
            if (!_rooms.TryGetValue(nid, out var room)) continue;
            room.Remove(sent);
            if (_recorded.ContainsKey(nid)) _unrecorded.Add(nid);
            else if (room.IsEmpty) _unrecorded.Remove(nid);
        }

        _refused.Forget(IsOwed);
    }

    private bool IsOwed(EventNid pdu) => _rooms.TryGetValue(pdu.Room, out var room) && room.Has(pdu);

    /// <summary>The transaction to send: the one that failed, or a new one; null if there is nothing to send.</summary>
    private async ValueTask<PendingTransaction?> NextAsync(CancellationToken stop)
    {
        List<EventNid> pdus;
        int mostEdus;
        lock (_gate)
        {
            _awaitsOthers = false;
            if (_isRetired) return null;
            if (_pending is not null) return _pending;
            _refused.Forget(IsOwed);
            var suspect = _refused.ToTry();
            pdus = suspect is { } refused ? [refused] : NextPdus();
            mostEdus = suspect is not null || (_pdusAlone && pdus.Count > 0) ? 0 : _mostEdus;
        }

        var edus = mostEdus == 0
            ? []
            : await services.Edus.NextAsync(Name, mostEdus, stop).ConfigureAwait(false);
        lock (_gate)
        {
            if (pdus.Count == 0 && edus.Count == 0) pdus.AddRange(_refused.Aside.Take(1));
            if (pdus.Count == 0 && edus.Count == 0) return null;
            return _pending = PendingTransaction.Of(pdus, edus);
        }
    }

    private List<EventNid> NextPdus()
    {
        var pdus = new List<EventNid>();
        if (_newestFirst) TakeNewest(pdus);
        if (pdus.Count == 0) TakeInOrder(pdus);
        return pdus;
    }

    /// <summary>Takes the newest event of each room once.</summary>
    private void TakeNewest(List<EventNid> pdus)
    {
        foreach (var room in _turns)
        {
            if (pdus.Count >= _most) return;
            if (room.IsEmpty || room.IsNewestSent) continue;
            room.IsNewestSent = true;
            if (!_refused.Aside.Contains(room.Newest)) pdus.Add(room.Newest);
        }

        _newestFirst = pdus.Count > 0;
    }

    /// <summary>Takes the oldest events of the rooms in turn. A room that was served goes to the end.</summary>
    private void TakeInOrder(List<EventNid> pdus)
    {
        for (var rooms = _turns.Count; rooms > 0 && pdus.Count < _most; rooms--)
        {
            var room = _turns.Dequeue();
            if (room.IsEmpty)
            {
                _rooms.Remove(room.Room);
                continue;
            }

            room.Take(pdus, _most - pdus.Count, _refused.Aside);
            _turns.Enqueue(room);
        }
    }

    private OwedEvents RoomOf(RoomNid nid)
    {
        if (_rooms.TryGetValue(nid, out var room)) return room;
        room = new OwedEvents(nid);
        _rooms.Add(nid, room);
        _turns.Enqueue(room);
        return room;
    }
}
