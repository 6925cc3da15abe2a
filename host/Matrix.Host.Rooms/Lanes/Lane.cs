using System.Runtime.CompilerServices;
using Matrix.Core.Room.Incoming;
using Matrix.Core.Room.Incoming.Deciding;
using Matrix.Core.Room.Incoming.Facts;
using Matrix.Core.Room.Incoming.Graph;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Core.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// Serialises one room's decisions. It holds the room's machine, and builds on its own events before they are durable,
/// to a bounded depth; if they are not written, the machine takes them back. A lane never awaits the network.
/// </summary>
internal sealed class Lane(
    RoomNid room,
    LaneLoader loader,
    LookUpReader lookUpReader,
    RoomResolutions resolutions,
    OpenRequests requests,
    IStorageWriter writer,
    ShardGates gates,
    RoomsOptions options) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly IncomingLimits _limits = options.Receiving.ToLimits(options.MaxPrevEvents);

    /// <summary>A slot for each batch that waits for the disk.</summary>
    private readonly SemaphoreSlim _slots = new(options.MaxSpeculation, options.MaxSpeculation);

    private readonly SubmittedBatches _submitted = new();
    private readonly OneByOne _oneByOne = new(options.Receiving.GivenUp);

    private PendingRoom? _pending;
    private RoomMachine? _machine;
    private WriteChain _chain = new();
    private int _waiting;

    /// <summary>How often shards had been opened when the room was loaded.</summary>
    private long _loadedAt;

    /// <summary>Whether a session left before it had written what the machine decided of received events.</summary>
    private bool _isSpoilt;

    /// <summary>Whether the room has staged events that its machine was not told.</summary>
    private bool _hasUnsentStaged;

    internal RoomNid Room => room;

    /// <summary>The number of batches that were submitted.</summary>
    internal long Batches => _submitted.Count;

    /// <inheritdoc cref="SubmittedBatches.CountIfSettled"/>
    internal long? SettledBatches => _submitted.CountIfSettled;

    /// <summary>
    /// The number of sessions that hold or await this lane or the disk. The directory sets it, and evicts idle lanes.
    /// </summary>
    internal int Users { get; set; }

    /// <summary>
    /// The node in the directory's list of idle lanes; null while the lane is used. The directory sets it.
    /// </summary>
    internal LinkedListNode<Lane>? IdlePlace { get; set; }

    /// <summary>
    /// Waits for the lane and enters it; null if the room does not exist. The caller disposes or submits the session.
    /// </summary>
    /// <exception cref="LaneBusyException">Too many requests wait for the lane.</exception>
    // Pooled: the state machine lives until the lane is free, and the collector would move it.
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
            await HoldAsync(stop);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }

        try
        {
            if (_isSpoilt) await StartAgainAsync();
            else if (_chain.IsBroken) await TakeBackAsync();
            else ReportDurable();
            EndOneByOne();
            if (await LoadedAsync(stop) is { } visit)
            {
                return new LaneSession(this, _pending!, _machine!, _chain, visit);
            }
        }
        catch
        {
            Leave();
            throw;
        }

        Leave();
        return null;
    }

    /// <summary>Enters the lane of a room that is being created and has no row.</summary>
    /// <param name="inside">The caller's visit of the shard of the room's id, which outlasts the session: the room gets
    /// the id with its create event.</param>
    internal async ValueTask<LaneSession> EnterNewAsync(
        PendingRoom pending, ShardVisit inside, CancellationToken stop)
    {
        await HoldAsync(stop);
        return Begun(pending, _limits, inside.Opening, default);
    }

    /// <summary>
    /// Enters the lane of a room that has no row, which a local user joins through another server.
    /// </summary>
    /// <param name="limits">The limits of the room's machine.</param>
    internal async ValueTask<LaneSession> EnterJoinedAsync(
        PendingRoom pending, IncomingLimits limits, CancellationToken stop)
    {
        await HoldAsync(stop);
        try
        {
            var visit = gates.Enter(Authority.Room(pending.Room.RoomId));
            return Begun(pending, limits, visit.Opening, visit);
        }
        catch
        {
            Leave();
            throw;
        }
    }

    private LaneSession Begun(PendingRoom pending, IncomingLimits limits, long opening, ShardVisit visit)
    {
        _machine = MachineOf(pending, limits);
        _pending = pending;
        _loadedAt = opening;
        return new LaneSession(this, pending, _machine, _chain, visit);
    }

    /// <summary>
    /// Loads the room unless its memory is good, and enters its shard. Null if the room does not exist.
    /// </summary>
    private async ValueTask<ShardVisit?> LoadedAsync(CancellationToken stop)
    {
        while (true)
        {
            if (_pending is null)
            {
                _loadedAt = gates.Openings;
                if (await loader.LoadAsync(room, stop) is not { } loaded) return null;
                _machine = MachineOf(loaded, _oneByOne.Begin(_limits));
                _pending = loaded;
                _hasUnsentStaged = loaded.HadStaged;
            }

            var visit = gates.Enter(Authority.Room(_pending.Room.RoomId));
            if (visit.Opening <= _loadedAt) return visit;

            // Another node may have written since the room was loaded.
            visit.Dispose();
            await StartAgainAsync();
        }
    }

    /// <summary>
    /// Enters the lane of a known room that a local user joins through another server. The room's machine starts
    /// without extremities: what this server knew last may be long past, and no new event builds on it. Null if a local
    /// user is joined, or there is no such room.
    /// </summary>
    /// <param name="limits">The limits of the room's machine.</param>
    internal async ValueTask<LaneSession?> EnterAgainAsync(IncomingLimits limits, CancellationToken stop)
    {
        await HoldAsync(stop);
        try
        {
            // The room is read again: every batch must have ended.
            if (_chain.IsBroken) await TakeBackAsync();
            else if (!_submitted.IsEmpty)
            {
                await writer.WriteAsync(Barrier(_chain), CancellationToken.None);
            }

            Forget();
            for (_loadedAt = gates.Openings; ; _loadedAt = gates.Openings)
            {
                if (await loader.LoadAsync(room, stop) is not { Local.Joined.Count: 0 } loaded) break;
                var visit = gates.Enter(Authority.Room(loaded.Room.RoomId));
                if (visit.Opening <= _loadedAt)
                {
                    _pending = loaded;
                    _machine = MachineOf(loaded with { Extremities = [], State = StateTree.Empty }, limits);
                    return new LaneSession(this, loaded, _machine, _chain, visit);
                }

                visit.Dispose();
            }
        }
        catch
        {
            Forget();
            Leave();
            throw;
        }

        Leave();
        return null;
    }

    /// <summary>
    /// Writes the batch of a session that entered a room through another server. The lane is held until the batch is
    /// durable, and reads the room again afterwards.
    /// </summary>
    internal async ValueTask<WriteReceipt> WriteEntranceAsync(LaneSession session)
    {
        try
        {
            return await writer.WriteAsync(session.ToBatch(), CancellationToken.None);
        }
        finally
        {
            Forget();
            _chain = new WriteChain();
            _submitted.AddSettled();
        }
    }

    /// <summary>
    /// Writes the batch after which the room does not exist, once all batches before it are durable. Later sessions
    /// find no room.
    /// </summary>
    internal async ValueTask<WriteReceipt> EndAsync(WriteBatch batch, CancellationToken stop)
    {
        await HoldAsync(stop);
        try
        {
            using var visit = gates.Enter(batch.Authority);
            if (_chain.IsBroken) await TakeBackAsync();
            else await SettledAsync(_chain);
            return await writer.WriteAsync(batch, CancellationToken.None);
        }
        finally
        {
            Forget();
            _chain = new WriteChain();
            _submitted.ForgetEvents();
            Leave();
        }
    }

    private async ValueTask HoldAsync(CancellationToken stop)
    {
        await _slots.WaitAsync(stop);
        try
        {
            await _gate.WaitAsync(stop);
        }
        catch
        {
            _slots.Release();
            throw;
        }
    }

    /// <summary>Drops the room whose creation was refused.</summary>
    internal void Abandon() => Forget();

    /// <summary>Whether a new lane from the room's row would be equal. Read only while the lane is idle.</summary>
    internal bool CanBeEvicted
    {
        get
        {
            if (_chain.IsBroken || _isSpoilt) return true;
            ReportDurable();
            return _machine is null || _machine.CanBeEvicted;
        }
    }

    /// <summary>
    /// The received events with a row, as far as this lane knows. A row that stays by mistake is told to the machine
    /// again when the room is next read, and then deleted. Used only while the lane is held.
    /// </summary>
    internal HashSet<string> Staged { get; } = [];

    /// <summary>Whether the room has staged events that its machine was not told. True once.</summary>
    internal bool TakeUnsentStaged()
    {
        var hasUnsentStaged = _hasUnsentStaged;
        _hasUnsentStaged = false;
        return hasUnsentStaged;
    }

    /// <summary>
    /// Called when a session leaves without having written what the machine decided of received events. The machine
    /// would decide them again, and fail again if one of them was the reason. So the next session reads the room again;
    /// the servers that sent them repeat them.
    /// </summary>
    internal void Spoil() => _isSpoilt = true;

    /// <summary>An undurable event by ordinal; null if there is none.</summary>
    internal StoredEvent? Undurable(uint ordinal) => _submitted.Undurable(ordinal);

    /// <summary>An undurable event by id; null if there is none. There are few, so this scans them.</summary>
    internal StoredEvent? Undurable(string eventId) => _submitted.Undurable(eventId);

    /// <summary>Whether any undurable event satisfies the predicate.</summary>
    internal bool AnyUndurable(Func<StoredEvent, bool> predicate) => _submitted.AnyUndurable(predicate);

    /// <summary>
    /// Submits a session's batch, updates the pending room and opens the lane for the next session. Batches are
    /// submitted in the order of their sessions. The session holds its slot until it is settled.
    /// </summary>
    internal ValueTask<WriteReceipt> Submit(LaneSession session)
    {
        var batch = session.ToBatch();
        _submitted.Begin(session);
        ValueTask<WriteReceipt> write;
        try
        {
            // Not cancelled: a client that disconnects does not take the decision back.
            write = writer.WriteAsync(batch, CancellationToken.None);
        }
        catch
        {
            _submitted.ForgetEvents(session);
            throw;
        }

        // After the writer accepted the batch: a batch that it refused has no outcome.
        _submitted.Add(session, batch);
        _pending = session.Pending;
        _gate.Release();
        return write;
    }

    /// <summary>Frees a session's slot once its batch is durable or failed.</summary>
    internal void Settle(LaneSession session)
    {
        _submitted.Settle(session);
        _slots.Release();
    }

    /// <summary>Waits for all submitted batches, by an empty batch after them. Called while the lane is held.</summary>
    internal async ValueTask SettledAsync(WriteChain chain)
    {
        // Also those without events: they may store events that wait.
        ReportDurable();
        if (_submitted.IsEmpty) return;
        await writer.WriteAsync(Barrier(chain), CancellationToken.None);
    }

    /// <summary>An empty batch after those that were submitted, with their authority.</summary>
    private WriteBatch Barrier(WriteChain chain) =>
        new(_submitted.Oldest?.Batch.Authority ?? Authority.Nobody, capacity: 0) { Chain = chain };

    /// <summary>Reports durable decisions to the machine.</summary>
    private void ReportDurable()
    {
        while (_submitted.TakeDurable() is { } durable)
        {
            if (durable.LastDecision == 0) continue;
            _machine!.Durable(durable.LastDecision);
            if (durable.HasReceived) _oneByOne.Stored();
        }
    }

    /// <summary>
    /// Undoes the decisions of a batch that was not written and of the batches after it. The lane continues from the
    /// room before them; if it is unknown which batches were written, it reads the room again.
    /// </summary>
    private async ValueTask TakeBackAsync()
    {
        try
        {
            // Comes after all others of the chain: once it has failed, their outcomes are known.
            await writer.WriteAsync(Barrier(_chain), CancellationToken.None);
        }
        catch (StorageException broken)
            when (broken.Failure is StorageFailure.ChainBroken or StorageFailure.Unavailable or StorageFailure.Doubtful)
        {
            // Expected: the chain is broken.
        }

        ReportDurable();
        _oneByOne.Failed(_submitted.Oldest);

        // Received events may be the reason of the failure, so the machine must not decide them again.
        if (_submitted.MayTakeBack && _submitted.Oldest is { Before.Exists: true } oldest && _machine is not null)
        {
            _pending = oldest.Before;
            if (_submitted.FirstDecision is { } first) _ = _machine.Failed(first);

            _submitted.Clear();
        }
        else
        {
            Forget();
        }

        _chain = new WriteChain();
        _submitted.ForgetEvents();
    }

    /// <summary>Once enough events were decided one by one, and none waits, the room's machine is a new one.</summary>
    private void EndOneByOne()
    {
        if (_oneByOne.HasEnded && _submitted.IsEmpty && _machine is { CanBeEvicted: true }) Forget();
    }

    /// <summary>Reads the room again, after all submitted batches.</summary>
    private async ValueTask StartAgainAsync()
    {
        try
        {
            await SettledAsync(_chain);
        }
        catch (StorageException broken)
            when (broken.Failure is StorageFailure.ChainBroken or StorageFailure.Unavailable or StorageFailure.Doubtful)
        {
            // The room is read again either way.
        }

        ReportDurable();
        _oneByOne.Failed(_submitted.Oldest);
        Forget();
        _chain = new WriteChain();
        _submitted.ForgetEvents();
    }

    private void Forget()
    {
        _pending = null;
        _machine = null;
        _oneByOne.End();
        _isSpoilt = false;
        _submitted.Clear();
        Staged.Clear();
    }

    private RoomMachine MachineOf(PendingRoom pending, IncomingLimits limits) => pending.Room.Rules.Machine(
        options.ServerName,
        new RoomStart(
            pending.Room.RoomId,
            pending.Extremities,
            pending.State,
            new RoomNumbers(pending.LastOrdinal + 1, pending.FirstOrdinal - 1, pending.LastOutlier + 1),
            pending.Gaps,
            _oneByOne.NotStored),
        limits);

    /// <summary>Reads the facts that the machine lacks, and gives them to it. Called while the lane is held.</summary>
    internal async ValueTask SupplyAsync(
        RoomIdentity identity, LookUps lookUps, UnknownEvents? unknown, CancellationToken stop) =>
        _machine!.Supply(await lookUpReader.ReadAsync(identity, lookUps, unknown?.Of(this), stop));

    /// <summary>Passes on what the machine asks for.</summary>
    internal void Ask(RoomIdentity identity, Output output) => requests.Add(identity, _machine!, output);

    /// <summary>Reads facts from storage.</summary>
    internal ValueTask<LookUpResults> ReadLookUpsAsync(
        RoomIdentity identity, LookUps lookUps, CancellationToken stop) =>
        lookUpReader.ReadAsync(identity, lookUps, null, stop);

    /// <summary>Runs a resolution of this room, or joins its run.</summary>
    internal Task RunAsync(RoomIdentity identity, RoomResolution resolution) =>
        resolutions.RunAsync(identity, resolution);

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

/// <summary>Too many requests wait for one room. The error is `M_LIMIT_EXCEEDED`; a retry may succeed.</summary>
public sealed class LaneBusyException() : Exception("Too many requests wait for this room.");
