using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// The place where one room's decisions are made, one after the other. It builds on its own events before they are durable, to a bounded depth;
/// if they do not become durable, it forgets them and reads its room again. A lane never awaits the network.
/// </summary>
internal sealed class Lane(RoomNid room, LaneLoader loader, IStorageWriter writer, RoomsOptions options) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1, 1);

    /// <summary>A slot for each set that waits for the disk.</summary>
    private readonly SemaphoreSlim _slots = new(options.MaxSpeculation, options.MaxSpeculation);

    private readonly ConcurrentDictionary<uint, StoredEvent> _undurable = new();
    private LaneHead? _head;
    private WriteChain _chain = new();
    private int _waiting;

    internal RoomNid Room => room;

    /// <summary>How many turns hold or await this lane, or wait for the disk: an idle lane may be forgotten. Kept by the directory.</summary>
    internal int Users { get; set; }

    /// <summary>Where it stands among the idle lanes; null while it is used. Kept by the directory.</summary>
    internal LinkedListNode<Lane>? IdlePlace { get; set; }

    /// <summary>
    /// Waits for the lane and enters it; null if the room does not exist. The caller disposes the turn, or submits it.
    /// </summary>
    /// <exception cref="LaneBusyException">Too many wait already.</exception>
    // What it keeps while it waits for others of its room is used again: the collector would move it else.
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    internal async ValueTask<LaneTurn?> EnterAsync(CancellationToken stop)
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
            if (_chain.IsBroken)
            {
                _head = null;
                _chain = new WriteChain();
                _undurable.Clear();
            }

            _head ??= await loader.LoadAsync(room, stop).ConfigureAwait(false);
            if (_head is { } head) return new LaneTurn(this, head, _chain);
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
    internal async ValueTask<LaneTurn> EnterNewAsync(LaneHead head, CancellationToken stop)
    {
        await _slots.WaitAsync(stop).ConfigureAwait(false);
        await _gate.WaitAsync(stop).ConfigureAwait(false);
        _head = head;
        return new LaneTurn(this, head, _chain);
    }

    /// <summary>The room that was being created is not: there is nothing to go on from.</summary>
    internal void Abandon() => _head = null;

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
    /// Submits a turn's set, in the order of turns, lets the head move on and opens the lane for the next turn. The turn's slot is held until it is
    /// settled, whoever still listens.
    /// </summary>
    internal ValueTask<WriteReceipt> Submit(LaneTurn turn)
    {
        var set = turn.ToSet();
        foreach (var made in turn.Events) _undurable[made.Nid.Ordinal] = made;
        ValueTask<WriteReceipt> write;
        try
        {
            // What was decided is written: a client that goes away does not take it back.
            write = writer.WriteAsync(set, CancellationToken.None);
        }
        catch
        {
            Forget(turn);
            throw;
        }

        _head = turn.Head;
        _gate.Release();
        return write;
    }

    /// <summary>A submitted turn's set is durable, or failed.</summary>
    internal void Settle(LaneTurn turn)
    {
        Forget(turn);
        _slots.Release();
    }

    /// <summary>Waits for the sets that wait for the disk. Asked by who holds the lane: an empty set goes behind them all.</summary>
    internal async ValueTask SettledAsync(WriteChain chain)
    {
        if (_undurable.IsEmpty) return;
        await writer.WriteAsync(new WriteSet(0) { Chain = chain }, CancellationToken.None).ConfigureAwait(false);
    }

    private void Forget(LaneTurn turn)
    {
        foreach (var made in turn.Events) _undurable.TryRemove(made.Nid.Ordinal, out _);
    }

    /// <summary>Opens the lane for the next turn, with nothing submitted.</summary>
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
