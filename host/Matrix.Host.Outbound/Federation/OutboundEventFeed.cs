using Matrix.Host.Rooms.Changes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Outbound.Federation;

/// <summary>
/// The changes that concern other servers, in commit order and without a gap. After a start, and whenever changes were
/// missed, it reads them from storage; then it takes them as they are committed. A room that has no members of other
/// servers costs one look into a cache for each batch.
/// </summary>
internal sealed class OutboundEventFeed : IChangeConsumer, IDisposable
{
    private static readonly object _isLocal = new();

    private readonly RoomChangesReader _reader;
    private readonly OutboundOptions _options;
    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _news = new(0, 1);
    private readonly Queue<OutboundBatch> _waiting = new();
    private readonly Dictionary<RoomNid, int> _waitingOf = [];
    private readonly ByteCache<RoomNid, object> _localRooms;

    /// <summary>The batch that is being committed; used on the writer's thread only.</summary>
    private readonly OutboundBatches _committed;

    /// <summary>Whether changes are taken as they are committed.</summary>
    private bool _isLive;

    /// <summary>Whether earlier changes are still being read from storage.</summary>
    private bool _isReading = true;

    /// <summary>Changes up to this position were handled from storage.</summary>
    private long _readThrough;

    /// <summary>Changes up to this position are read from storage; later ones are taken.</summary>
    private long _liveAfter = long.MaxValue;

    /// <summary>Changes up to this position were taken.</summary>
    private long _takenThrough;

    /// <summary>The last flush that the consumers read, and whether they are reading it.</summary>
    private long _flush;
    private bool _isInFlush;
    private bool _isMissed;
    private bool _isDisposed;
    private bool _isInterrupted;
    private long _batches;
    private int _batchesOfFlush;

    /// <summary>Creates a feed. No change may be committed before it is a consumer.</summary>
    internal OutboundEventFeed(RoomChangesReader reader, IStorageWriter writer, OutboundOptions options)
    {
        _reader = reader;
        _options = options;
        _localRooms = new ByteCache<RoomNid, object>(options.RoomServersCacheBytes, static _ => 0);
        _committed = new OutboundBatches(options.ServerName);
        _flush = writer.PublishedPosition;
    }

    /// <summary>Batches that wait.</summary>
    internal int Waiting
    {
        get
        {
            lock (_gate) return _waiting.Count;
        }
    }

    /// <summary>All batches of changes up to this position were handled.</summary>
    internal long HandledThrough
    {
        get
        {
            lock (_gate) return Handled();
        }
    }

    /// <summary>The number of batches of events that were committed since the start.</summary>
    internal long Batches => Volatile.Read(ref _batches);

    /// <summary>Called in the order of positions; it is called again for a batch if it throws.</summary>
    internal Func<OutboundBatch, CancellationToken, ValueTask> Handle { get; set; } =
        static (_, _) => ValueTask.CompletedTask;

    /// <summary>Called between batches, before the next one; it may let changes be read again.</summary>
    internal Func<CancellationToken, ValueTask> Between { get; set; } = static _ => ValueTask.CompletedTask;

    /// <summary>
    /// Called when batches may have been missed: they come again, and what was counted is counted anew.
    /// </summary>
    internal Action Restarted { get; set; } = static () => { };

    /// <summary>
    /// Handles all changes after this position, until it is stopped or fails. Called again, it continues.
    /// </summary>
    internal async Task RunAsync(long position, CancellationToken stop)
    {
        lock (_gate) _readThrough = Math.Max(_readThrough, position);
        Restarted();
        while (true)
        {
            await Between(stop);
            await ReadAsync(stop);
            while (!_isInterrupted && Next() is { } batch)
            {
                await Handle(batch, stop);
                Handled(batch);
            }

            if (!Interlocked.Exchange(ref _isInterrupted, false)) await _news.WaitAsync(stop);
        }
    }

    /// <summary>Lets <see cref="Between"/> be called soon. Thread-safe.</summary>
    internal void Interrupt()
    {
        Volatile.Write(ref _isInterrupted, true);
        lock (_gate) Wake();
    }

    /// <summary>Reads changes after a position again. For <see cref="Between"/>.</summary>
    internal void ReadAgain(long position)
    {
        lock (_gate)
        {
            if (position >= Handled()) return;
            Miss();
            _readThrough = position;
        }
    }

    /// <summary>
    /// A room has no members of other servers after a batch. Its events are skipped until a member joins.
    /// </summary>
    /// <returns>Whether they are: not while changes are read from storage, or if a later batch of the room waits.
    /// </returns>
    internal bool IsLocal(OutboundBatch batch)
    {
        lock (_gate)
        {
            if (_isReading || _waitingOf.GetValueOrDefault(batch.Room) > 1) return false;
            _localRooms.Put(batch.Room, _isLocal);
            return true;
        }
    }

    /// <summary>Called after each flush with the number of batches; it may not block.</summary>
    internal Action<long> Advanced { get; set; } = static _ => { };

    /// <inheritdoc/>
    public void Begin(long through)
    {
        lock (_gate) (_flush, _isInFlush) = (through, true);
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        switch (change)
        {
            case RoomCreated created when Takes(position):
                Commit();

                // A room of another server may come with members.
                if (OutboundBatches.IsOf(created.Creator, _options.ServerName))
                {
                    _localRooms.Put(created.Room.Nid, _isLocal);
                }

                break;
            case EventsAppended appended when Takes(position):
                Commit();
                _committed.Add(appended, position);
                _batchesOfFlush++;
                break;
            case MembershipChanged { IsLocal: false } changed when Takes(position):
                if (_committed.Ends(changed.Room, position)) Commit();
                _committed.Add(changed, position);
                break;
            case RoomAdvanced:
                Commit();
                break;
        }
    }

    /// <inheritdoc/>
    public void End(long through)
    {
        Commit();
        lock (_gate)
        {
            _isInFlush = false;
            if (_isLive) _takenThrough = through;

            // Counted last, so that the position includes the batches that a reader of the number sees.
            Volatile.Write(ref _batches, _batches + _batchesOfFlush);
            _batchesOfFlush = 0;
            if (_isReading || _waiting.Count > 0) Wake();
        }

        Advanced(Batches);
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        _committed.Drop();
        lock (_gate) Miss();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _news.Dispose();
        }
    }

    private bool Takes(long position)
    {
        lock (_gate) return _isLive && position > _liveAfter;
    }

    /// <summary>Ends the batch that is being committed.</summary>
    private void Commit()
    {
        if (!_committed.IsOpen) return;
        lock (_gate)
        {
            if (!_isLive)
            {
                _committed.Drop();
                return;
            }

            if (_committed.ChangesMembers) _localRooms.Remove(_committed.Room);
            else if (_localRooms.TryGet(_committed.Room, out _))
            {
                _committed.Drop();
                return;
            }

            if (_committed.End() is not { } batch) return;
            _waiting.Enqueue(batch);
            _waitingOf[batch.Room] = _waitingOf.GetValueOrDefault(batch.Room) + 1;
            if (_waiting.Count > _options.MaxWaitingBatches) Miss();
        }
    }

    /// <summary>Begins to read from storage, from the first batch that was not handled.</summary>
    private void Miss()
    {
        _readThrough = Handled();
        _isMissed = true;
        _isLive = false;
        _isReading = true;
        _liveAfter = long.MaxValue;
        _waiting.Clear();
        _waitingOf.Clear();
        _localRooms.Clear();
        Wake();
    }

    private long Handled() =>
        _isReading ? _readThrough : _waiting.TryPeek(out var first) ? first.Position - 1 : _takenThrough;

    private OutboundBatch? Next()
    {
        lock (_gate) return _waiting.TryPeek(out var batch) ? batch : null;
    }

    private void Handled(OutboundBatch batch)
    {
        lock (_gate)
        {
            // The line may have been cleared meanwhile.
            if (!_waiting.TryPeek(out var first) || !ReferenceEquals(first, batch)) return;
            _waiting.Dequeue();
            var left = _waitingOf[batch.Room] - 1;
            if (left > 0) _waitingOf[batch.Room] = left;
            else _waitingOf.Remove(batch.Room);
        }
    }

    /// <summary>
    /// Reads from storage what is missing. Changes that are committed meanwhile are taken from the next flush on.
    /// </summary>
    private async ValueTask ReadAsync(CancellationToken stop)
    {
        while (BeginPage() is { } after)
        {
            if (TakeMiss()) Restarted();
            var changes = await _reader.AfterAsync(after, stop);
            long liveAfter;
            lock (_gate) liveAfter = _liveAfter;
            foreach (var batch in BatchesOf(changes))
            {
                if (batch.Position <= liveAfter) await Handle(batch, stop);
            }

            EndPage(after, Math.Min(changes.Through, liveAfter));
        }
    }

    private bool TakeMiss()
    {
        lock (_gate)
        {
            var missed = _isMissed;
            _isMissed = false;
            return missed;
        }
    }

    /// <summary>The position after which to read; null if nothing is missing.</summary>
    private long? BeginPage()
    {
        lock (_gate)
        {
            if (!_isReading) return null;
            if (!_isLive && !_isInFlush)
            {
                _isLive = true;
                _liveAfter = _takenThrough = _flush;
            }

            return _readThrough;
        }
    }

    private void EndPage(long after, long through)
    {
        lock (_gate)
        {
            // Otherwise changes were missed meanwhile, and are read from an earlier position.
            if (_readThrough == after) _readThrough = through;
            _isReading = _readThrough < _liveAfter;
        }
    }

    private List<OutboundBatch> BatchesOf(RoomChanges changes)
    {
        var batches = new List<OutboundBatch>();
        var open = new OutboundBatches(_options.ServerName);
        foreach (var (position, change) in changes.Changes)
        {
            if (change is EventsAppended appended)
            {
                if (open.End() is { } before) batches.Add(before);
                open.Add(appended, position);
            }
            else if (change is MembershipChanged { IsLocal: false } changed)
            {
                open.Add(changed, position);
            }
        }

        if (open.End() is { } last) batches.Add(last);
        return batches;
    }

    private void Wake()
    {
        if (!_isDisposed && _news.CurrentCount == 0) _news.Release();
    }
}
