using Matrix.Core.Event;
using Matrix.Core.Room.Incoming;
using Matrix.Core.Room.Incoming.Facts;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.StagedEvents;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// A session in a lane: it builds events on the pending room one after the other, and submits them together. Disposing
/// it without submitting leaves the room unchanged. Not thread-safe.
/// </summary>
internal sealed class LaneSession : IDisposable
{
    /// <summary>Far more than the depth of any auth chain that is walked for one input.</summary>
    private const int MostLookUps = 10_000;

    private readonly Lane _lane;
    private readonly WriteChain _chain;
    private ShardVisit? _visit;
    private readonly List<Change> _changes = new(2);
    private SessionIndex? _index;
    private Dictionary<int, StepChain>? _chains;
    private List<ConditionalChange>? _preconditions;
    private List<Change>? _first;
    private bool _left;
    private bool _hasStaged;
    private int _lookUps;

    internal LaneSession(Lane lane, PendingRoom pending, RoomMachine machine, WriteChain chain, ShardVisit visit)
    {
        _lane = lane;
        _chain = chain;
        _visit = visit;
        Machine = machine;
        Pending = Start = pending;
    }

    /// <summary>The room at the start of the session.</summary>
    internal PendingRoom Start { get; }

    /// <summary>The room with the session's events.</summary>
    internal PendingRoom Pending { get; set; }

    /// <summary>The owner of the room's decisions.</summary>
    internal RoomMachine Machine { get; }

    /// <summary>The number of this session's first decision; 0 if it has none.</summary>
    internal long FirstDecision { get; private set; }

    /// <summary>The number of this session's last decision; 0 if it has none.</summary>
    internal long LastDecision { get; private set; }

    /// <summary>What storage was asked for before the session; null for nothing.</summary>
    internal UnknownEvents? Unknown { get; set; }

    /// <summary>Whether the machine was given input from other servers.</summary>
    internal bool HasReceived { get; private set; }

    /// <summary>
    /// The id of the only event that the session decides, if it stages none: a refused batch is the fault of that
    /// event. Null otherwise.
    /// </summary>
    internal string? OnlyEvent => !_hasStaged && Events is [var one] ? one.EventId : null;

    /// <summary>Whether the room has staged events that its machine was not told. True once.</summary>
    internal bool TakeUnsentStaged() => _lane.TakeUnsentStaged();

    /// <summary>These events have rows.</summary>
    internal void KnowStaged(IEnumerable<string> eventIds) => _lane.Staged.UnionWith(eventIds);

    /// <summary>Adds a decision of the machine. Disposing the session without submitting takes it back.</summary>
    internal void Adopted(DecidedEvent decided)
    {
        if (FirstDecision == 0) FirstDecision = decided.Number;
        LastDecision = decided.Number;
    }

    /// <summary>
    /// Takes inputs from other servers: what can be decided is decided, and every decision belongs to the session.
    /// Facts that the machine lacks are read from storage.
    /// </summary>
    internal async ValueTask<Output> ReceiveAsync(Input[] inputs, CancellationToken stop)
    {
        HasReceived = true;
        while (true)
        {
            var output = Machine.Receive(inputs);
            if (!output.LookUps.IsEmpty)
            {
                await SupplyAsync(output.LookUps, stop);
                continue;
            }

            foreach (var decided in output.Decided) Adopted(decided);
            _lane.Ask(Pending.Room, output);
            return output;
        }
    }

    /// <summary>
    /// Waits for the machine's outstanding resolution, and gives it the outcome. Nothing is decided here: a local event
    /// has to be adopted on the room as it is now. A further session decides the received events that wait for it.
    /// </summary>
    internal async ValueTask ResolveAsync(CancellationToken stop)
    {
        if (Machine.Resolving is not { } resolution) return;

        // First: if this session is cancelled, the machine gets the outcome nevertheless.
        _lane.Ask(Pending.Room, Output.Of(resolution));
        await _lane.RunAsync(Pending.Room, resolution).WaitAsync(stop);
        Machine.Resolved(resolution);
    }

    /// <summary>Stores a received event that waits, so that its sender can be told that it is here.</summary>
    internal void Stage(string eventId, string peer, ReadOnlyMemory<byte> json, long now)
    {
        if (!_lane.Staged.Add(eventId)) return;
        Write(new EventStaged(Pending.Room.Nid, eventId, peer, json, now));
        _hasStaged = true;
    }

    /// <summary>Whether an event has a row: its sender knows that it is here.</summary>
    internal bool HasStaged(string eventId) => _lane.Staged.Contains(eventId);

    /// <summary>An event waits no longer.</summary>
    internal void Unstage(string eventId)
    {
        if (_lane.Staged.Remove(eventId)) Write(new StagedEventRemoved(Pending.Room.Nid, eventId));
    }

    /// <summary>Reads the facts that the machine lacks, and gives them to it.</summary>
    /// <exception cref="InvalidDataException">The session needs more look-ups than any room should.</exception>
    internal ValueTask SupplyAsync(LookUps lookUps, CancellationToken stop) =>
        ++_lookUps <= MostLookUps
            ? _lane.SupplyAsync(Pending.Room, lookUps, Unknown, stop)
            : throw new InvalidDataException(
                $"Room {Pending.Room.RoomId} needs more than {MostLookUps} look-ups for one input.");

    /// <summary>Reads facts that a resolution lacks.</summary>
    internal ValueTask<LookUpResults> ReadLookUpsAsync(LookUps lookUps, CancellationToken stop) =>
        _lane.ReadLookUpsAsync(Pending.Room, lookUps, stop);

    /// <summary>How the steps are rebuilt that this session numbers beside those of the current state.</summary>
    internal Dictionary<int, StepChain> Chains => _chains ??= [];

    /// <summary>The session's events, in order.</summary>
    internal List<StoredEvent> Events { get; } = [];

    /// <summary>
    /// An undurable event of this session or an earlier one; null if no undurable event has that ordinal.
    /// </summary>
    internal StoredEvent? Undurable(uint ordinal) =>
        (Events.Count > SessionIndex.Few
            ? (_index ??= new SessionIndex()).Find(Events, ordinal)
            : SessionIndex.Scan(Events, ordinal)) ?? _lane.Undurable(ordinal);

    /// <summary>An undurable event by id; null if there is none.</summary>
    internal StoredEvent? Undurable(string eventId) =>
        (Events.Count > SessionIndex.Few
            ? (_index ??= new SessionIndex()).Find(Events, eventId)
            : SessionIndex.Scan(Events, eventId)) ?? _lane.Undurable(eventId);

    /// <summary>Whether any undurable event of earlier sessions satisfies the predicate.</summary>
    internal bool AnyWaiting(Func<StoredEvent, bool> predicate) => _lane.AnyUndurable(predicate);

    /// <summary>The membership changes of this session, one per user.</summary>
    private List<MembershipChanged> Memberships { get; } = [];

    /// <summary>Adds a membership change; several changes of one user become one.</summary>
    internal void Write(MembershipChanged changed)
    {
        var known = Memberships.Count > SessionIndex.Few
            ? (_index ??= new SessionIndex()).Find(Memberships, changed.UserId)
            : Memberships.FindIndex(other => other.UserId == changed.UserId);
        if (known < 0) Memberships.Add(changed);
        else Memberships[known] = changed with { Before = Memberships[known].Before };
    }

    /// <summary>Whether the session writes nothing.</summary>
    internal bool IsEmpty => Events.Count == 0 && _changes.Count == 0 && _preconditions is null;

    /// <summary>The hash of the session's request with a transaction id; null if there is none.</summary>
    internal UInt128? Request { get; set; }

    /// <summary>What decides the batch in memory beside the room; nobody for nothing.</summary>
    internal Authority Also { get; set; }

    /// <summary>Adds a change to the batch.</summary>
    internal void Write(Change change) => _changes.Add(change);

    /// <summary>Adds a change that comes before the session's events.</summary>
    internal void WriteFirst(Change change) => (_first ??= []).Add(change);

    /// <summary>Adds a precondition: if it is not applied, nothing of the session is written.</summary>
    internal void Require(ConditionalChange change) => (_preconditions ??= []).Add(change);

    /// <summary>
    /// Submits one batch and leaves the lane, so that the next session builds on it at once. The caller awaits the
    /// result, which comes when the batch is durable, and then settles the session.
    /// </summary>
    /// <exception cref="StorageException">Nothing was written; the lane reads its room again.</exception>
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
            Leave();
        }
    }

    /// <summary>Frees the session's slot once its batch is durable or failed.</summary>
    internal void Settle() => _lane.Settle(this);

    /// <summary>
    /// Writes the batch of a session that entered a room through another server, waits until it is durable, and leaves
    /// the lane.
    /// </summary>
    /// <exception cref="StorageException">Nothing was written.</exception>
    internal async ValueTask<WriteReceipt> WriteEntranceAsync()
    {
        try
        {
            return await _lane.WriteEntranceAsync(this);
        }
        finally
        {
            _left = true;
            _lane.Leave();
        }
    }

    /// <summary>
    /// Leaves the lane with nothing to write, and waits until the events that the session saw are durable: its result
    /// relies on them.
    /// </summary>
    /// <exception cref="StorageException">An event that the session saw was not written.</exception>
    internal async ValueTask SettledAsync()
    {
        var settled = _lane.SettledAsync(_chain);
        _left = true;
        _lane.Leave();
        await settled;
    }

    /// <summary>
    /// The batch: the events come before the changes that can redact one of them; the room's new header is last.
    /// </summary>
    internal WriteBatch ToBatch()
    {
        var batch = new WriteBatch(Authority.Room(Pending.Room.RoomId), _changes.Count + 3) { Chain = _chain }
            .AlsoOf(Also);
        if (_preconditions is not null)
        {
            foreach (var precondition in _preconditions) batch.Require(precondition);
        }

        var room = Pending.Room;
        var header = Events.Count > 0 ? Pending.ToHeader() : null;
        if (!Pending.Exists)
        {
            // The events of a joined room are in any order.
            var create = Events.Find(made => made.Pdu.Type == EventTypes.Create) ?? Events[0];
            batch.Add(new RoomCreated(room, create.Pdu.Sender, header!));
            Pending = Pending with { Exists = true };
        }

        foreach (var change in _first ?? []) batch.Add(change);
        if (Events.Count > 0) batch.Add(new EventsAppended(room, Events) { Request = Request });
        foreach (var change in _changes) batch.Add(change);
        if (!ReferenceEquals(Pending.State, Start.State))
        {
            batch.Add(new StateChanged(
                room.Nid, Start.CurrentStep, Start.State, Pending.CurrentStep, Pending.State)
            {
                Numbered = (StateNumbered?)_changes.Find(change => change is StateNumbered numbered
                    && numbered.Step == Pending.CurrentStep && numbered.Parent == Start.CurrentStep),
            });
        }

        foreach (var membership in Memberships) batch.Add(membership);
        if (header is not null) batch.Add(new RoomAdvanced(room, Start.Exists ? Start.ToHeader() : null, header));
        return batch;
    }

    /// <summary>Leaves the lane.</summary>
    public void Dispose()
    {
        Leave();
        _visit?.Dispose();
        _visit = null;
    }

    /// <summary>
    /// Opens the lane for the next session, unless this one has left. What was not submitted is undone.
    /// </summary>
    private void Leave()
    {
        if (_left) return;
        _left = true;
        if (HasReceived) _lane.Spoil();
        else if (FirstDecision > 0) _ = Machine.Failed(FirstDecision);
        _lane.Leave();
    }
}

/// <summary>
/// Finds a session's events and membership changes. Sessions have few of them, which are scanned, unless a room is
/// joined through another server.
/// </summary>
internal sealed class SessionIndex
{
    /// <summary>The most items that are scanned.</summary>
    internal const int Few = 32;

    private readonly Dictionary<uint, StoredEvent> _byOrdinal = [];
    private readonly Dictionary<string, StoredEvent> _byId = [];
    private readonly Dictionary<string, int> _memberships = [];
    private int _events;

    /// <summary>The event of that ordinal among a few; null if there is none.</summary>
    internal static StoredEvent? Scan(List<StoredEvent> events, uint ordinal)
    {
        foreach (var made in events)
        {
            if (made.Nid.Ordinal == ordinal) return made;
        }

        return null;
    }

    /// <summary>The event of that id among a few; null if there is none.</summary>
    internal static StoredEvent? Scan(List<StoredEvent> events, string eventId)
    {
        foreach (var made in events)
        {
            if (made.EventId == eventId) return made;
        }

        return null;
    }

    /// <summary>The event of that ordinal; null if there is none.</summary>
    internal StoredEvent? Find(List<StoredEvent> events, uint ordinal)
    {
        Add(events);
        return _byOrdinal.GetValueOrDefault(ordinal);
    }

    /// <summary>The event of that id; null if there is none.</summary>
    internal StoredEvent? Find(List<StoredEvent> events, string eventId)
    {
        Add(events);
        return _byId.GetValueOrDefault(eventId);
    }

    /// <summary>The index of a user's membership change; -1 if there is none.</summary>
    internal int Find(List<MembershipChanged> changes, string userId)
    {
        while (_memberships.Count < changes.Count)
        {
            _memberships.Add(changes[_memberships.Count].UserId, _memberships.Count);
        }

        return _memberships.GetValueOrDefault(userId, -1);
    }

    private void Add(List<StoredEvent> events)
    {
        for (; _events < events.Count; _events++)
        {
            _byOrdinal[events[_events].Nid.Ordinal] = events[_events];
            _byId[events[_events].EventId] = events[_events];
        }
    }
}

/// <summary>How a state is rebuilt.</summary>
/// <param name="Base">The step of its checkpoint; 0 for the empty state.</param>
/// <param name="Length">The number of steps after that.</param>
internal readonly record struct StepChain(int Base, int Length);
