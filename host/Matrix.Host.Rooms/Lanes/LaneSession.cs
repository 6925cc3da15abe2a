using Matrix.Core.Room.Incoming;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// One stay in a lane: events are built on the pending room one after the other and submitted together. Disposing without submitting leaves the room as
/// it was. Not safe for several threads.
/// </summary>
internal sealed class LaneSession : IDisposable
{
    private readonly Lane _lane;
    private readonly WriteChain _chain;
    private readonly List<Change> _changes = new(2);
    private List<ConditionalChange>? _preconditions;
    private bool _left;

    internal LaneSession(Lane lane, PendingRoom pending, RoomMachine machine, WriteChain chain)
    {
        _lane = lane;
        _chain = chain;
        Machine = machine;
        Pending = Start = pending;
    }

    /// <summary>The room as this session found it.</summary>
    internal PendingRoom Start { get; }

    /// <summary>The room as this session has made it so far.</summary>
    internal PendingRoom Pending { get; set; }

    /// <summary>The owner of the room's decisions.</summary>
    internal RoomMachine Machine { get; }

    /// <summary>The number of this session's first decision; 0 if it has none.</summary>
    internal long FirstDecision { get; private set; }

    /// <summary>The number of its last.</summary>
    internal long LastDecision { get; private set; }

    /// <summary>The machine has decided an event: it is part of this session, which takes it back if it is not submitted.</summary>
    internal void Adopted(DecidedEvent decided)
    {
        if (FirstDecision == 0) FirstDecision = decided.Number;
        LastDecision = decided.Number;
    }

    /// <summary>Events that this session made, in order.</summary>
    internal List<StoredEvent> Events { get; } = [];

    /// <summary>An event of this session or of one before it that is not durable yet; null if there is none of that ordinal.</summary>
    internal StoredEvent? Undurable(uint ordinal)
    {
        foreach (var made in Events)
        {
            if (made.Nid.Ordinal == ordinal) return made;
        }

        return _lane.Undurable(ordinal);
    }

    /// <summary>The same by id.</summary>
    internal StoredEvent? Undurable(string eventId)
    {
        foreach (var made in Events)
        {
            if (made.EventId == eventId) return made;
        }

        return _lane.Undurable(eventId);
    }

    /// <summary>Whether any event of the sessions before this one, of those that are not durable yet, is such.</summary>
    internal bool AnyWaiting(Func<StoredEvent, bool> isSuch) => _lane.AnyUndurable(isSuch);

    /// <summary>What users of the room have become in this session, one each.</summary>
    private List<MembershipChanged> Memberships { get; } = [];

    /// <summary>A membership has changed: of several changes of a user's the last stands.</summary>
    internal void Write(MembershipChanged changed)
    {
        var known = Memberships.FindIndex(other => other.UserId == changed.UserId);
        if (known < 0) Memberships.Add(changed);
        else Memberships[known] = changed with { Before = Memberships[known].Before };
    }

    /// <summary>Whether nothing is to be written.</summary>
    internal bool IsEmpty => Events.Count == 0 && _changes.Count == 0 && _preconditions is null;

    /// <summary>The request with a transaction id that this session carries out, by its hash; null if there is none.</summary>
    internal UInt128? Request { get; set; }

    /// <summary>Adds a change to what this session writes.</summary>
    internal void Write(Change change) => _changes.Add(change);

    /// <summary>Adds a change without which nothing of this session is kept.</summary>
    internal void Require(ConditionalChange change) => (_preconditions ??= []).Add(change);

    /// <summary>
    /// Submits all of it as one batch and leaves the lane: the next session goes on from here at once. The answer comes when it is durable; whoever submits
    /// awaits it, and then settles the session.
    /// </summary>
    /// <exception cref="StorageException">Nothing was kept; the lane reads its room again.</exception>
    internal ValueTask<WriteReceipt> Submit()
    {
        try
        {
            var durable = _lane.Submit(this);
            _left = true;
            return durable;
        }
        finally
        {
            Dispose();
        }
    }

    /// <summary>What was submitted is durable, or failed: others may take its place in the line for the disk.</summary>
    internal void Settle() => _lane.Settle(this);

    /// <summary>
    /// Leaves the lane with nothing written, and waits until what this session saw is durable: its answer rests on it.
    /// </summary>
    /// <exception cref="StorageException">What it saw never came to be.</exception>
    internal async ValueTask SettledAsync()
    {
        var settled = _lane.SettledAsync(_chain);
        Dispose();
        await settled.ConfigureAwait(false);
    }

    /// <summary>The batch: the events first, for a redaction can be of one of them; where the room stands last.</summary>
    internal WriteBatch ToSet()
    {
        var batch = new WriteBatch(_changes.Count + 3) { Chain = _chain };
        if (_preconditions is not null)
        {
            foreach (var precondition in _preconditions) batch.Require(precondition);
        }

        var room = Pending.Room;
        var header = Events.Count > 0 ? Pending.ToHeader() : null;
        if (!Pending.Exists)
        {
            batch.Add(new RoomCreated(room, Events[0].Pdu.Sender, header!));
            Pending = Pending with { Exists = true };
        }

        if (Events.Count > 0) batch.Add(new EventsAppended(room, Events) { Request = Request });
        foreach (var change in _changes) batch.Add(change);
        if (!ReferenceEquals(Pending.State, Start.State)) batch.Add(new StateChanged(room.Nid, Start.State, Pending.State, Pending.CurrentStep));
        foreach (var membership in Memberships) batch.Add(membership);
        if (header is not null) batch.Add(new RoomAdvanced(room, Start.Exists ? Start.ToHeader() : null, header));
        return batch;
    }

    /// <summary>Leaves the lane.</summary>
    public void Dispose()
    {
        if (_left) return;
        _left = true;
        if (FirstDecision > 0) _ = Machine.Failed(FirstDecision);
        _lane.Leave();
    }
}
