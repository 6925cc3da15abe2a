using Matrix.Core.Room.Incoming;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// One stay in a lane: events are built on the head one after the other and submitted together. Disposing without submitting leaves the room as
/// it was. Not safe for several threads.
/// </summary>
internal sealed class LaneTurn : IDisposable
{
    private readonly Lane _lane;
    private readonly WriteChain _chain;
    private readonly List<WriteOperation> _operations = new(2);
    private List<ConditionalOperation>? _preconditions;
    private bool _left;

    internal LaneTurn(Lane lane, LaneHead head, RoomMachine machine, WriteChain chain)
    {
        _lane = lane;
        _chain = chain;
        Machine = machine;
        Head = Start = head;
    }

    /// <summary>The room as this turn found it.</summary>
    internal LaneHead Start { get; }

    /// <summary>The room as this turn has made it so far.</summary>
    internal LaneHead Head { get; set; }

    /// <summary>The owner of the room's decisions.</summary>
    internal RoomMachine Machine { get; }

    /// <summary>The number of this turn's first decision; 0 if it has none.</summary>
    internal long FirstDecision { get; private set; }

    /// <summary>The number of its last.</summary>
    internal long LastDecision { get; private set; }

    /// <summary>The machine has decided an event: it is part of this turn, which takes it back if it is not submitted.</summary>
    internal void Adopted(DecidedEvent decided)
    {
        if (FirstDecision == 0) FirstDecision = decided.Number;
        LastDecision = decided.Number;
    }

    /// <summary>Events that this turn made, in order.</summary>
    internal List<StoredEvent> Events { get; } = [];

    /// <summary>An event of this turn or of one before it that is not durable yet; null if there is none of that ordinal.</summary>
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

    /// <summary>Whether any event of the turns before this one, of those that are not durable yet, is such.</summary>
    internal bool AnyWaiting(Func<StoredEvent, bool> isSuch) => _lane.AnyUndurable(isSuch);

    /// <summary>What users of the room have become in this turn, one each.</summary>
    private List<MembershipChanged> Memberships { get; } = [];

    /// <summary>A membership has changed: of several changes of a user's the last stands.</summary>
    internal void Write(MembershipChanged changed)
    {
        var known = Memberships.FindIndex(other => other.UserId == changed.UserId);
        if (known < 0) Memberships.Add(changed);
        else Memberships[known] = changed with { Before = Memberships[known].Before };
    }

    /// <summary>Whether nothing is to be written.</summary>
    internal bool IsEmpty => _operations.Count == 0 && _preconditions is null;

    /// <summary>Adds a change to what this turn writes.</summary>
    internal void Write(WriteOperation operation) => _operations.Add(operation);

    /// <summary>Adds a change without which nothing of this turn is kept.</summary>
    internal void Require(ConditionalOperation operation) => (_preconditions ??= []).Add(operation);

    /// <summary>
    /// Submits all of it as one set and leaves the lane: the next turn goes on from here at once. The answer comes when it is durable; whoever submits
    /// awaits it, and then settles the turn.
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
    /// Leaves the lane with nothing written, and waits until what this turn saw is durable: its answer rests on it.
    /// </summary>
    /// <exception cref="StorageException">What it saw never came to be.</exception>
    internal async ValueTask SettledAsync()
    {
        var settled = _lane.SettledAsync(_chain);
        Dispose();
        await settled.ConfigureAwait(false);
    }

    /// <summary>The batch: the events first, for a redaction can be of one of them; where the room stands last.</summary>
    internal WriteSet ToSet()
    {
        var set = new WriteSet(_operations.Count + 3) { Chain = _chain };
        if (_preconditions is not null)
        {
            foreach (var precondition in _preconditions) set.Require(precondition);
        }

        var room = Head.Room;
        var header = Events.Count > 0 ? Head.ToHeader() : null;
        if (!Head.Exists)
        {
            set.Add(new RoomCreated(room, Events[0].Pdu.Sender, header!));
            Head = Head with { Exists = true };
        }

        if (Events.Count > 0) set.Add(new EventsAppended(room, Events));
        foreach (var operation in _operations) set.Add(operation);
        if (!ReferenceEquals(Head.State, Start.State)) set.Add(new StateChanged(room.Nid, Start.State, Head.State, Head.CurrentStep));
        foreach (var membership in Memberships) set.Add(membership);
        if (header is not null) set.Add(new RoomAdvanced(room, Start.Exists ? Start.ToHeader() : null, header));
        return set;
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
