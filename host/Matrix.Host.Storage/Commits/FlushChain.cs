using System.Diagnostics;
using System.Threading.Channels;

namespace Matrix.Host.Storage.Commits;

/// <summary>
/// The publication of a node that may not write alone. Each flush names the position before it, so the flushes of all
/// nodes are a chain. Consumers read them in its order, and nothing is read from the database here. A flush of this
/// node that follows what consumers have reached is read on the writer's thread, as if the node was alone. Whatever has
/// to wait is read on a task of its own, and the writer goes on meanwhile. What another node flushed is told by it, or
/// comes from <see cref="IFlushRows"/>. A flush that is not there, or cannot be read, is missed by all consumers, which
/// then read storage.
/// </summary>
internal sealed class FlushChain : IPublication, IFlushFollower
{
    /// <summary>How long a flush may be on its way from another node before it is looked for.</summary>
    private static readonly TimeSpan _late = TimeSpan.FromMilliseconds(5);

    /// <summary>The most that other nodes tell and that waits for the task. More is read from the database.</summary>
    private const int MostTold = 64;

    /// <summary>After this time it is looked for flushes again.</summary>
    private static readonly TimeSpan _longestWait = TimeSpan.FromSeconds(1);

    private readonly Publication _publication;
    private readonly IFlushRows _rows;
    private readonly Func<ReadOnlyMemory<byte>, List<WriteBatch>?> _read;
    private readonly int _mostBatches;
    private readonly Channel<Entry> _entries = Channel.CreateUnbounded<Entry>(new() { SingleReader = true });
    private readonly Task _running;
    private readonly ITimer? _looking;
    private readonly ITimer _looksLate;
    private readonly ConditionWaits _waits = new();

    /// <summary>Held by whoever lets consumers read: the task, or the writer.</summary>
    private readonly Lock _turn = new();

    /// <summary>What the writer handed over and the chain has not reached, in order; under the lock.</summary>
    private readonly Queue<Ended> _own = [];

    /// <summary>What other nodes told too early; under the lock.</summary>
    private readonly ToldFlushes _told = new();

    /// <summary>The position that consumers have reached; under the lock.</summary>
    private long _through;

    /// <summary>
    /// The oldest look whose flushes are not all read yet: how far it saw the sequence, and when; under the lock.
    /// </summary>
    private (long Through, long At)? _seen;

    private long _levelAt;
    private long _expected;
    private int _isExpecting;
    private int _hearing;
    private long _flushesTold;
    private long _flushesRead;
    private long _flushesMissed;

    /// <summary>The batches that wait for their consumers.</summary>
    private int _waiting;

    /// <summary>Set while the writer waits for fewer of them.</summary>
    private TaskCompletionSource? _room;

    /// <param name="rows">The flushes of other nodes. The chain owns it.</param>
    /// <param name="read">The batches of a row; null if they cannot be read.</param>
    /// <param name="mostBatches">The most batches that wait for their consumers, before the writer waits.</param>
    /// <param name="looks">How often to look for flushes of other nodes; null if only one node writes.</param>
    public FlushChain(
        Publication publication, IFlushRows rows, Func<ReadOnlyMemory<byte>, List<WriteBatch>?> read, int mostBatches,
        TimeSpan? looks = null)
    {
        _publication = publication;
        _rows = rows;
        _read = read;
        _mostBatches = mostBatches;
        _rows.OnRead = found => _entries.Writer.TryWrite(new(null, found, null));
        _looksLate = TimeProvider.System.CreateTimer(
            _ => LookIfLate(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _running = Task.Run(RunAsync);
        if (looks is { } pause) _looking = TimeProvider.System.CreateTimer(_ => Look(), null, pause, pause);
    }

    public long Position => _publication.Applied;

    long IPublication.Position => _publication.Position;

    public long LevelAt => Volatile.Read(ref _levelAt);

    public long FlushesTold => Volatile.Read(ref _flushesTold);

    public long FlushesRead => Volatile.Read(ref _flushesRead);

    public long FlushesMissed => Volatile.Read(ref _flushesMissed);

    public Action? OnAdvanced { private get; set; }

    public Action<FlushNews>? OnFlushed { private get; set; }

    public Func<ValueTask>? Pace { private get; set; }

    public void Hear(FlushNews flush)
    {
        if (Interlocked.Increment(ref _hearing) <= MostTold && flush.Changes is { } changes)
        {
            _entries.Writer.TryWrite(new(null, null, new FoundFlush(flush.After, flush.Last, IsOwn: false, changes)));
            return;
        }

        Interlocked.Decrement(ref _hearing);
        Look();
    }

    public void Expect(long position)
    {
        if (position > Volatile.Read(ref _expected)) Volatile.Write(ref _expected, position);
        if (position > Position && Interlocked.Exchange(ref _isExpecting, 1) == 0)
            _looksLate.Change(_late, Timeout.InfiniteTimeSpan);
    }

    public void Look() => _rows.ReadAfter(_publication.Position);

    public ValueTask<bool> ReachAsync(long position, TimeSpan most, CancellationToken stop) =>
        position <= Position ? ValueTask.FromResult(true) : WaitAsync(position, most, stop);

    /// <summary>Waits until consumers have read every flush that was committed before the call.</summary>
    public async ValueTask LevelAsync(CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        while (LevelAt <= since)
        {
            stop.ThrowIfCancellationRequested();
            await WaitAsync(long.MaxValue, _longestWait, stop);
        }
    }

    public void AddConsumer(IChangeConsumer consumer) => _publication.AddConsumer(consumer);

    public void StartAt(long position)
    {
        lock (_turn) _through = position;
        _publication.StartAt(position);
    }

    public void Kept(List<WriteBatch> batches, long after, FlushNews? news = null)
    {
        Add(new(batches, after, null, IsAnswered: false), isTold: news is not null);
        if (news is { } told) Tell(told);
    }

    public void KeptInDoubt(List<WriteBatch> batches, long after) => Add(new(batches, after, null, IsAnswered: true));

    public void Failed(List<WriteBatch> batches, StorageException failure) =>
        Add(new(batches, 0, failure, IsAnswered: false));

    public async ValueTask<bool> WaitForRoomAsync(TimeSpan most)
    {
        if (Pace is { } pace) await pace();
        if (HasRoom) return true;
        var room = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Interlocked.Exchange(ref _room, room);
        if (!HasRoom) await Task.WhenAny(room.Task, Task.Delay(most));
        return HasRoom;
    }

    public ValueTask EndRestorationsAsync() => _publication.EndRestorationsAsync();

    public async ValueTask DisposeAsync()
    {
        if (_looking is { } looking) await looking.DisposeAsync();
        await _looksLate.DisposeAsync();
        _entries.Writer.TryComplete();
        await _running;
        await _rows.DisposeAsync();
        await _publication.DisposeAsync();
    }

    private void Tell(FlushNews news)
    {
        try
        {
            OnFlushed?.Invoke(news);
        }
#pragma warning disable CA1031 // What cannot be told is read from the database. The writer goes on.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            WriterMetrics.CallbackFailed(fault);
        }
    }

    private async ValueTask<bool> WaitAsync(long position, TimeSpan most, CancellationToken stop)
    {
        var since = Stopwatch.GetTimestamp();
        Look();
        await _waits.UntilAsync(() => position <= Position || LevelAt > since, most, stop);
        return position <= Position;
    }

    private bool HasRoom => Volatile.Read(ref _waiting) < _mostBatches;

    /// <param name="isTold">Whether others are told of it after this call, and so how far this node has read.</param>
    private void Add(Ended ended, bool isTold = false)
    {
        // Only the writer adds to what waits, so nothing can come before this meanwhile.
        if (Volatile.Read(ref _waiting) == 0 && _turn.TryEnter())
        {
            try
            {
                if (ended.After <= _through)
                {
                    End(ended, isTold);

                    // What was told before this was handed over comes next, perhaps.
                    if (!_told.IsEmpty) _entries.Writer.TryWrite(default);
                    return;
                }
            }
            finally
            {
                _turn.Exit();
            }
        }

        // The writer uses its list again.
        Interlocked.Add(ref _waiting, ended.Batches.Count);
        _entries.Writer.TryWrite(new(ended with { Batches = [.. ended.Batches] }, null, null));
    }

    private async Task RunAsync()
    {
        await foreach (var entry in _entries.Reader.ReadAllAsync())
        {
            lock (_turn)
            {
                if (entry.Own is { } own) _own.Enqueue(own);
                if (entry.Found is { } found) Take(found);
                if (entry.Told is { } told)
                {
                    Interlocked.Decrement(ref _hearing);
                    _told.Add(told);
                }

                Reach(_through);
                TakeTold();
                Compare();
                if (entry.Found?.HasMore == true) _rows.ReadAfter(_through);
                else if (_own.TryPeek(out var waits)) Expect(waits.Last);
            }
        }

        // The store closes. What other nodes wrote is not needed any more.
        lock (_turn)
        {
            while (_own.Count > 0) EndNext();
        }
    }

    /// <summary>Gives consumers what other nodes flushed.</summary>
    private void Take(FoundFlushes found)
    {
        if (!found.HasMore) _seen ??= (found.Through, found.LookedAt);
        foreach (var flush in found.Flushes)
        {
            Reach(flush.After);
            if (flush.Last <= _through) continue;

            // It was committed, and the writer has not handed it over yet.
            if (flush.IsOwn) return;
            if (TryRead(flush)) _flushesRead++;
        }

        Reach(found.Through);
    }

    /// <summary>Gives consumers what other nodes told, as far as nothing is missing before it.</summary>
    private void TakeTold()
    {
        while (_told.TakeNext(_through) is { } flush)
        {
            if (TryRead(flush)) _flushesTold++;
            Reach(_through);
        }

        if (!_told.IsEmpty) Expect(_through + 1);
    }

    /// <summary>Gives consumers a flush of another node that comes next. False if they miss it.</summary>
    private bool TryRead(FoundFlush flush)
    {
        if (flush.Changes is not { } changes || _read(changes) is not { } batches)
        {
            _flushesMissed++;
            Miss(flush.Last);
            return false;
        }

        _through = flush.Last;
        _publication.Dispatch(Publication.Stamp(batches), _through);
        Advanced();
        return true;
    }

    private void LookIfLate()
    {
        Volatile.Write(ref _isExpecting, 0);
        if (Volatile.Read(ref _expected) > Position) Look();
    }

    /// <summary>
    /// Ends what the writer handed over, up to a position. What consumers were not given up to there is missed by them.
    /// </summary>
    private void Reach(long position)
    {
        while (true)
        {
            while (_own.TryPeek(out var next) && next.After <= _through) EndNext();
            if (position <= _through) return;
            Miss(_own.TryPeek(out var own) && own.After < position ? own.After : position);
        }
    }

    /// <summary>Ends the first of what the writer handed over.</summary>
    private void EndNext()
    {
        var ended = _own.Dequeue();
        End(ended, isTold: false);
        Interlocked.Add(ref _waiting, -ended.Batches.Count);
        if (HasRoom) Interlocked.Exchange(ref _room, null)?.TrySetResult();
    }

    private void End(Ended ended, bool isTold)
    {
        if (ended.Failure is { } failure)
        {
            _publication.Failed(ended.Batches, failure);
        }
        else
        {
            var kept = Publication.Stamp(ended.Batches);
            if (kept.Count > 0 && ended.Last > _through)
            {
                _through = ended.Last;
                _publication.Dispatch(kept, _through);
                _waits.Wake();
                if (!isTold) OnAdvanced?.Invoke();
            }

            if (!ended.IsAnswered) Publication.Complete(ended.Batches);
        }
    }

    private void Miss(long through)
    {
        _through = through;
        _publication.Miss(through);
        Advanced();
    }

    /// <summary>Notes that everything was read that was committed before a look.</summary>
    private void Compare()
    {
        if (_seen is not { } seen || seen.Through > _through) return;
        Volatile.Write(ref _levelAt, seen.At);
        _seen = null;
        _waits.Wake();
    }

    private void Advanced()
    {
        _waits.Wake();
        OnAdvanced?.Invoke();
    }

    /// <summary>What the writer handed over, what was read, or what another node told; or nothing of these.</summary>
    private readonly record struct Entry(Ended? Own, FoundFlushes? Found, FoundFlush? Told);

    /// <summary>Batches that have ended.</summary>
    /// <param name="After">The position that consumers must have reached before; 0 for failed batches.</param>
    /// <param name="IsAnswered">Whether the submitters have their answer already.</param>
    private sealed record Ended(
        List<WriteBatch> Batches, long After, StorageException? Failure, bool IsAnswered)
    {
        /// <summary>The position of the last batch that was kept; 0 if none was.</summary>
        internal long Last { get; } = Failure is null ? Batches.Max(static batch => batch.Position) : 0;
    }
}
