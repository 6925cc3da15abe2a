using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.State;

namespace Matrix.Host.Storage.Tables.Events;

/// <summary>The events of all rooms.</summary>
public interface IEventsTable
{
    /// <summary>
    /// Messages of a room after one event and before another that a purge may delete: no state event, no root of a
    /// thread that goes on, no redaction of an event that stays.
    /// </summary>
    ValueTask<IReadOnlyList<PurgeableEvent>> PurgeableAsync(
        EventNid after, EventNid before, int limit, CancellationToken stop);

    /// <summary>
    /// Messages of a user in the room of an event, before it, that nobody redacted; the newest first. Reads the room's
    /// events up to the last that it returns.
    /// </summary>
    ValueTask<IReadOnlyList<(EventNid Nid, string EventId)>> OfSenderAsync(
        EventNid before, string sender, int limit, CancellationToken stop);

    /// <summary>The room's event with this id, or null.</summary>
    ValueTask<EventRow?> FindAsync(RoomNid room, string eventId, CancellationToken stop);

    /// <summary>
    /// The events with this id in all rooms. In room versions 1 and 2, servers choose ids, so several rooms may have an
    /// event with the same id.
    /// </summary>
    ValueTask<IReadOnlyList<EventRow>> FindAnywhereAsync(string eventId, int limit, CancellationToken stop);

    /// <summary>The event with this number, or null.</summary>
    ValueTask<EventRow?> FindAsync(EventNid nid, CancellationToken stop);

    /// <summary>The room's events with these ids, unordered, in one round trip; unknown ones are left out.</summary>
    ValueTask<IReadOnlyList<EventRow>> FindManyAsync(
        RoomNid room, IReadOnlyCollection<string> eventIds, CancellationToken stop);

    /// <summary>The events with these numbers, unordered, in one round trip; unknown ones are left out.</summary>
    ValueTask<IReadOnlyList<EventRow>> FindManyAsync(IReadOnlyCollection<EventNid> nids, CancellationToken stop);

    /// <summary>Those of these ids that an event of any room has, without reading the events.</summary>
    ValueTask<IReadOnlySet<string>> KnownAsync(IReadOnlyCollection<string> eventIds, CancellationToken stop);

    /// <summary>The numbers of the room's events with these ids, without reading the events.</summary>
    ValueTask<IReadOnlyDictionary<string, EventNid>> NidsAsync(
        RoomNid room, IReadOnlyCollection<string> eventIds, CancellationToken stop);

    /// <summary>The ids of the events with these numbers, without reading the events' JSON.</summary>
    ValueTask<IReadOnlyDictionary<EventNid, string>> IdsAsync(
        IReadOnlyCollection<EventNid> nids, CancellationToken stop);

    /// <summary>The bytes of the events with these numbers, without reading the events' JSON.</summary>
    ValueTask<IReadOnlyDictionary<EventNid, int>> LengthsAsync(
        IReadOnlyCollection<EventNid> nids, CancellationToken stop);

    /// <summary>
    /// The room's redactions that wait for the event with this id, or for any event if it is null, the earliest first.
    /// </summary>
    ValueTask<IReadOnlyList<EventNid>> WaitingRedactionsAsync(
        RoomNid room, string? targetId, int limit, CancellationToken stop);

    /// <summary>
    /// Events of a room in timeline order, from <paramref name="from"/> (excluded) to <paramref name="until"/>
    /// (included). Events with any flag of <paramref name="without"/> are left out and do not count towards the limit.
    /// </summary>
    /// <param name="from">
    /// The start; <see cref="EventNid.FirstOf"/> or <see cref="EventNid.LastOf"/> for an end of the room.
    /// </param>
    /// <param name="until">The last event that may be returned; null for the room's end.</param>
    ValueTask<IReadOnlyList<EventRow>> RangeAsync(
        RoomNid room,
        EventNid from,
        EventNid? until,
        Direction direction,
        int limit,
        EventMarks without,
        CancellationToken stop);

    /// <summary>
    /// Live events of all rooms in commit order, after one position and up to another. Outliers and backfilled events
    /// are left out.
    /// </summary>
    ValueTask<IReadOnlyList<EventRow>> AfterPositionAsync(long after, long through, int limit, CancellationToken stop);

    /// <summary>Batches of live events up to a position, the latest first, without their events.</summary>
    ValueTask<IReadOnlyList<CommitRow>> CommitsBackAsync(long from, int limit, CancellationToken stop);

    /// <summary>The last ordinal that an outlier of the room got; 0 if there was none.</summary>
    ValueTask<uint> LastOutlierAsync(RoomNid room, CancellationToken stop);

    /// <summary>The numbers that these outliers got when they came live; others are left out.</summary>
    ValueTask<IReadOnlyDictionary<EventNid, EventNid>> RenumberedAsync(
        IReadOnlyCollection<EventNid> outliers, CancellationToken stop);

    /// <summary>Why an event was rejected or soft-failed; null if it was not.</summary>
    ValueTask<EventRefused?> RefusalAsync(EventNid nid, CancellationToken stop);

    /// <summary>State events of a room by number, a page at a time: those after this number.</summary>
    ValueTask<IReadOnlyList<EventRow>> StateEventsAsync(
        RoomNid room, EventNid after, int limit, CancellationToken stop);

    /// <summary>The events that these events redacted.</summary>
    ValueTask<IReadOnlyList<EventRow>> RedactedByAsync(
        IReadOnlyCollection<EventNid> redactions, CancellationToken stop);

    /// <summary>
    /// The last live event of the room at or before a position: the end of the timeline when that position was
    /// published. <see cref="EventNid.None"/> if there is none.
    /// </summary>
    ValueTask<EventNid> LastNidAtAsync(RoomNid room, long position, CancellationToken stop);

    /// <summary>The same for several rooms; rooms without such an event are left out.</summary>
    ValueTask<IReadOnlyDictionary<RoomNid, EventNid>> LastNidsAtAsync(
        IReadOnlyCollection<RoomNid> rooms, long position, CancellationToken stop);
}

/// <summary>The live events of a room that were stored at a position.</summary>
/// <param name="Ordinals">The ordinals that they span, from the first event's.</param>
public readonly record struct CommitRow(long Position, EventNid First, uint Ordinals);

/// <summary>Flags of a stored event.</summary>
[Flags]
public enum EventMarks
{
    /// <summary>An accepted message event.</summary>
    None = 0,

    /// <summary>It has a state key.</summary>
    State = 1,

    /// <summary>It failed authorization against its auth events or the state before it.</summary>
    Rejected = 2,

    /// <summary>
    /// It failed authorization against the current state only: stored, but hidden from clients, and not an extremity.
    /// </summary>
    SoftFailed = 4,

    /// <summary>It is stored, as an auth event for example, but is not part of the timeline.</summary>
    Outlier = 8,

    /// <summary>It was fetched from history, not received live.</summary>
    Backfilled = 16,

    /// <summary>A redaction whose event is not stored, or not yet: not applied, and hidden from clients.</summary>
    WaitingRedaction = 32,

    /// <summary>
    /// The state before it rests on what another server returned: part of its history is missing here.
    /// </summary>
    OnTrust = 64,

    /// <summary>
    /// This server accepted it for the sender's server, which knows one server of the room only, and sends it to the
    /// others.
    /// </summary>
    ForAnother = 128,

    /// <summary>
    /// A state event of a branch: <see cref="IStateTable.StepsBeforeAsync"/> has the state before it, which is not the
    /// parent of the step of the state after it.
    /// </summary>
    Branched = 256,

    /// <summary>
    /// An event that a server made to merge forward extremities: hidden from clients, and not sent by itself.
    /// </summary>
    Dummy = 512,

    /// <summary>A redaction that waited for its event: clients were not shown it when it came.</summary>
    ShownLate = 1024,

    /// <summary>
    /// An event of a local user that came through another server, which sends it to the others: a join, leave or knock.
    /// </summary>
    Distributed = 2048,
}

/// <summary>The row of an event.</summary>
/// <param name="Step">The step of the state after it. The state before it is that step's parent if it is an accepted
/// state event that changed the state, otherwise the same step.</param>
/// <param name="NotifyClass">The outcome of the default push rules for most readers; 0 if they notify nobody.</param>
/// <param name="ThreadRoot">The root of its thread, or none.</param>
/// <param name="RedactedBy">The redaction that applies to it, or none.</param>
/// <param name="Transaction">The local device that sent it and its transaction id, if any.</param>
/// <param name="Json">The canonical bytes, without `unsigned`.</param>
public sealed record EventRow(
    EventNid Nid,
    string EventId,
    long Position,
    int Step,
    EventMarks Marks,
    int NotifyClass,
    string Sender,
    EventNid ThreadRoot,
    EventNid RedactedBy,
    SentAs? Transaction,
    ReadOnlyMemory<byte> Json)
{
    /// <summary>The position of the batch that stored it; 0 until the event is durable.</summary>
    public long Position { get; internal set; } = Position;
}

/// <summary>The sender's device that sent an event, and the transaction id of the request.</summary>
public sealed record SentAs(string DeviceId, string TransactionId);

/// <summary>Stores new events of a room. The batch fails if an event's id or number is already stored.</summary>
/// <param name="Events">The events, in the order of their numbers.</param>
/// <remarks>On other nodes it has no <see cref="Request"/>.</remarks>
public sealed record EventsAppended(RoomIdentity Room, IReadOnlyList<StoredEvent> Events) : Change
{
    /// <summary>The hash of the key of the request with a transaction id that made these events, if any.</summary>
    public UInt128? Request { get; init; }

    /// <summary>The first live event, and the ordinals that the live events span; null if none is live.</summary>
    internal (EventNid First, uint Ordinals)? Live
    {
        get
        {
            EventNid? first = null;
            var last = EventNid.None;
            for (var i = 0; i < Events.Count; i++)
            {
                var row = Events[i].Row;
                if ((row.Marks & (EventMarks.Outlier | EventMarks.Backfilled)) != 0) continue;
                first ??= row.Nid;
                last = row.Nid;
            }

            return first is { } from ? (from, last.Ordinal - from.Ordinal + 1) : null;
        }
    }

    internal override int Weight
    {
        get
        {
            var weight = 0;
            for (var i = 0; i < Events.Count; i++)
            {
                weight += 400 + Events[i].Row.Json.Length + (Events[i].HasRelation ? 200 : 0);
            }

            return weight;
        }
    }

    internal override void Durable(long position)
    {
        for (var i = 0; i < Events.Count; i++) Events[i].Durable(position);
    }
}

/// <summary>Redacts a stored event. If several redactions apply to an event, the first one stored counts.</summary>
/// <param name="Redacted">The event in its redacted form; its row names the redaction.</param>
public sealed record EventRedacted(StoredEvent Redacted) : Change
{
    /// <summary>The redacted event's number.</summary>
    public EventNid Nid => Redacted.Nid;

    /// <summary>The redaction's number.</summary>
    public EventNid By => Redacted.Row.RedactedBy;

    internal override int Weight => 200 + Redacted.Row.Json.Length;
}

/// <summary>
/// Records a redaction that arrived before its event. A room keeps its latest <paramref name="Keep"/> ones.
/// </summary>
public sealed record RedactionWaits(EventNid Redaction, string TargetId, int Keep) : Change;

/// <summary>Deletes the waiting redactions of an event that has arrived.</summary>
public sealed record WaitingRedactionsDropped(RoomNid Room, string TargetId) : Change;

/// <summary>Why an event was rejected or soft-failed.</summary>
/// <param name="Clause">The name of the rule.</param>
/// <param name="Reason">The required and the supplied.</param>
public sealed record EventRefused(EventNid Nid, string Clause, string Reason) : Change;

/// <summary>
/// An outlier came live. Its row is deleted before the live event is stored; states name its old number.
/// </summary>
public sealed record OutlierRenumbered(EventNid Outlier, EventNid Live) : Change;

/// <summary>Replaces the flags of a stored event.</summary>
public sealed record EventMarksChanged(EventNid Nid, EventMarks Marks) : Change;
