using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Matrix.Core.Room.Incoming;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// The place where one room's decisions are made, one after the other. It holds the room's machine, and builds on its own events before they are
/// durable, to a bounded depth; if they do not become durable, the machine takes them back. A lane never awaits the network.
/// </summary>
internal sealed class Lane(RoomNid room, LaneLoader loader, IStorageWriter writer, RoomsOptions options) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1, 1);

    /// <summary>A slot for each batch that waits for the disk.</summary>
    private readonly SemaphoreSlim _slots = new(options.MaxSpeculation, options.MaxSpeculation);

    private readonly ConcurrentDictionary<uint, StoredEvent> _undurable = new();

    /// <summary>Batches that were submitted, and whose outcome the machine has not been told. Belongs to whoever holds the lane.</summary>
    private readonly Queue<Submitted> _submitted = new();

    private PendingRoom? _pending;
    private RoomMachine? _machine;
    private WriteChain _chain = new();
    private int _waiting;

    internal RoomNid Room => room;

    /// <summary>How many sessions hold or await this lane, or wait for the disk: an idle lane may be forgotten. Kept by the directory.</summary>
    internal int Users { get; set; }

    /// <summary>Where it stands among the idle lanes; null while it is used. Kept by the directory.</summary>
    internal LinkedListNode<Lane>? IdlePlace { get; set; }

    /// <summary>
    /// Waits for the lane and enters it; null if the room does not exist. The caller disposes the session, or submits it.
    /// </summary>
    /// <exception cref="LaneBusyException">Too many wait already.</exception>
    // What it keeps while it waits for others of its room is used again: the collector would move it else.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<LaneSession?> EnterAsync(CancellationToken stop)
    {
        if (Interlocked.Increment(ref _waiting) > options.MaxWaitingPerLane)
        {
            Interlocked.Decrement(ref _waiting);
            throw new LaneBusyException();
        }

        try
        {
            await _slots.WaitAsync(stop).ConfigureAwait(false);
            try
            {
                await _gate.WaitAsync(stop).ConfigureAwait(false);
            }
            catch
            {
                _slots.Release();
                throw;
            }
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }

        try
        {
            if (_chain.IsBroken) await TakeBackAsync().ConfigureAwait(false);
            else TellDurable();
            if (_pending is null && await loader.LoadAsync(room, stop).ConfigureAwait(false) is { } loaded)
            {
                _machine = MachineOf(loaded);
                _pending = loaded;
            }

            if (_pending is { } pending) return new LaneSession(this, pending, _machine!, _chain);
        }
        catch
        {
            Leave();
            throw;
        }

        Leave();
        return null;
    }

    /// <summary>Enters a lane whose room is being created: it has no row to load.</summary>
    internal async ValueTask<LaneSession> EnterNewAsync(PendingRoom pending, CancellationToken stop)
    {
        await _slots.WaitAsync(stop).ConfigureAwait(false);
        await _gate.WaitAsync(stop).ConfigureAwait(false);
        _machine = MachineOf(pending);
        _pending = pending;
        return new LaneSession(this, pending, _machine, _chain);
    }

    /// <summary>The room that was being created is not: there is nothing to go on from.</summary>
    internal void Abandon() => Forget();

    /// <summary>Whether a lane made anew from the room's row would do the same. Asked while nobody uses it.</summary>
    internal bool CanBeEvicted
    {
        get
        {
            if (_chain.IsBroken) return true;
            TellDurable();
            return _machine is null || _machine.CanBeEvicted;
        }
    }

    /// <summary>An event that waits for the disk.</summary>
    internal StoredEvent? Undurable(uint ordinal) => _undurable.GetValueOrDefault(ordinal);

    /// <summary>The same by id: few wait, so a scan does.</summary>
    internal StoredEvent? Undurable(string eventId)
    {
        foreach (var (_, waiting) in _undurable)
        {
            if (waiting.EventId == eventId) return waiting;
        }

        return null;
    }

    /// <summary>Whether any event that waits for the disk is such.</summary>
    internal bool AnyUndurable(Func<StoredEvent, bool> isSuch)
    {
        foreach (var (_, waiting) in _undurable)
        {
            if (isSuch(waiting)) return true;
        }

        return false;
    }

    /// <summary>
    /// Submits a session's batch, in the order of sessions, moves the pending room on and opens the lane for the next session. The session's slot is held until it is
    /// settled, whoever still listens.
    /// </summary>
    internal ValueTask<WriteReceipt> Submit(LaneSession session)
    {
        var batch = session.ToSet();
        foreach (var made in session.Events) _undurable[made.Nid.Ordinal] = made;
        ValueTask<WriteReceipt> write;
        try
        {
            // What was decided is written: a client that goes away does not take it back.
            write = writer.WriteAsync(batch, CancellationToken.None);
        }
        catch
        {
            Forget(session);
            throw;
        }

        // Enqueued by whoever holds the lane, after the batch was taken: what was not taken is not waited for.
        _submitted.Enqueue(new Submitted(batch, session.Start, session.FirstDecision, session.LastDecision));
        _pending = session.Pending;
        _gate.Release();
        return write;
    }

    /// <summary>A submitted session's batch is durable, or failed.</summary>
    internal void Settle(LaneSession session)
    {
        Forget(session);
        _slots.Release();
    }

    /// <summary>Waits for the batches that wait for the disk. Asked by who holds the lane: an empty batch goes behind them all.</summary>
    internal async ValueTask SettledAsync(WriteChain chain)
    {
        if (_undurable.IsEmpty) return;
        await writer.WriteAsync(new WriteBatch(0) { Chain = chain }, CancellationToken.None).ConfigureAwait(false);
    }

    /// <summary>The machine hears which of its decisions are durable.</summary>
    private void TellDurable()
    {
        while (_submitted.TryPeek(out var oldest) && oldest.Batch.Outcome == WriteOutcome.Durable)
        {
            _ = _submitted.Dequeue();
            if (oldest.LastDecision > 0) _machine!.Durable(oldest.LastDecision);
        }
    }

    /// <summary>
    /// A batch was not written, and so none after it: the machine takes their decisions back, and the lane goes on from the room as it was before.
    /// If nobody knows what was written, the room is read again.
    /// </summary>
    private async ValueTask TakeBackAsync()
    {
        try
        {
            // Goes behind all others of the chain: once it has failed, they have been answered.
            await writer.WriteAsync(new WriteBatch(0) { Chain = _chain }, CancellationToken.None).ConfigureAwait(false);
        }
        catch (StorageException broken) when (broken.Failure is StorageFailure.ChainBroken or StorageFailure.Unavailable or StorageFailure.Doubtful)
        {
            // As it must.
        }

        TellDurable();
        var isKnown = _submitted.All(each => each.Batch.Outcome == WriteOutcome.NotWritten);
        if (isKnown && _submitted.TryPeek(out var oldest) && oldest.Before.Exists && _machine is not null)
        {
            _pending = oldest.Before;
            if (_submitted.FirstOrDefault(each => each.FirstDecision > 0) is { } first) _ = _machine.Failed(first.FirstDecision);
            _submitted.Clear();
        }
        else
        {
            Forget();
        }

        _chain = new WriteChain();
        _undurable.Clear();
    }

    private void Forget()
    {
        _pending = null;
        _machine = null;
        _submitted.Clear();
    }

    private RoomMachine MachineOf(PendingRoom pending) => pending.Room.Rules.Machine(
        options.ServerName, pending.Room.RoomId, LocalHistory.Instance, pending.Extremities, pending.State, pending.LastOrdinal + 1, options.Machine);

    /// <summary>A batch that was submitted.</summary>
    /// <param name="Batch">The batch.</param>
    /// <param name="Before">The room before it.</param>
    /// <param name="FirstDecision">The number of its first decision; 0 if it has none.</param>
    /// <param name="LastDecision">The number of its last.</param>
    private sealed record Submitted(WriteBatch Batch, PendingRoom Before, long FirstDecision, long LastDecision);

    private void Forget(LaneSession session)
    {
        foreach (var made in session.Events) _undurable.TryRemove(made.Nid.Ordinal, out _);
    }

    /// <summary>Opens the lane for the next session, with nothing submitted.</summary>
    internal void Leave()
    {
        _gate.Release();
        _slots.Release();
    }

    public void Dispose()
    {
        _gate.Dispose();
        _slots.Dispose();
    }
}

/// <summary>Too many requests wait for one room. The answer is `M_LIMIT_EXCEEDED`: later it may work.</summary>
public sealed class LaneBusyException() : Exception("Too many requests wait for this room.");
