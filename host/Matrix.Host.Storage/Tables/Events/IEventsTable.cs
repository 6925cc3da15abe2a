using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Events;

/// <summary>Events.</summary>
public interface IEventsTable
{
    /// <summary>The event of that id, or null.</summary>
    ValueTask<EventRow?> FindAsync(string eventId, CancellationToken stop);

    /// <summary>The event of that number, or null.</summary>
    ValueTask<EventRow?> FindAsync(EventNid nid, CancellationToken stop);

    /// <summary>The events of these ids, in no order, in one round trip; absent ones are left out.</summary>
    ValueTask<IReadOnlyList<EventRow>> FindManyAsync(IReadOnlyCollection<string> eventIds, CancellationToken stop);

    /// <summary>The events of these numbers, in no order, in one round trip; absent ones are left out.</summary>
    ValueTask<IReadOnlyList<EventRow>> FindManyAsync(IReadOnlyCollection<EventNid> nids, CancellationToken stop);

    /// <summary>Which of these ids are stored, and under which numbers: no event is read.</summary>
    ValueTask<IReadOnlyDictionary<string, EventNid>> NidsAsync(IReadOnlyCollection<string> eventIds, CancellationToken stop);

    /// <summary>The ids of these numbers: no event's JSON is read.</summary>
    ValueTask<IReadOnlyDictionary<EventNid, string>> IdsAsync(IReadOnlyCollection<EventNid> nids, CancellationToken stop);

    /// <summary>Redactions of a room that wait for an event of that id, or for any if it is null; the earliest first.</summary>
    ValueTask<IReadOnlyList<EventNid>> WaitingRedactionsAsync(RoomNid room, string? targetId, int limit, CancellationToken stop);

    /// <summary>
    /// Events of a room in timeline order, from the one next to <paramref name="from"/> (itself not included) in the given direction, up to and
    /// with <paramref name="until"/>. Events with any flag of <paramref name="without"/> are left out and do not count.
    /// </summary>
    /// <param name="room">The room.</param>
    /// <param name="from">Where to start; <see cref="EventNid.FirstOf"/> or <see cref="EventNid.LastOf"/> for the room's ends.</param>
    /// <param name="until">The last one that may be answered; null for the room's end.</param>
    /// <param name="direction">Which way.</param>
    /// <param name="limit">At most this many.</param>
    /// <param name="without">Flags of events that are passed over.</param>
    /// <param name="stop">Cancels the question.</param>
    ValueTask<IReadOnlyList<EventRow>> RangeAsync(
        RoomNid room, EventNid from, EventNid? until, Direction direction, int limit, EventMarks without, CancellationToken stop);

    /// <summary>
    /// Events of all rooms in the order in which they became durable, without outliers and history: those after one position and up to
    /// another, at most so many.
    /// </summary>
    ValueTask<IReadOnlyList<EventRow>> AfterPositionAsync(long after, long through, int limit, CancellationToken stop);

    /// <summary>The events that these events redacted.</summary>
    ValueTask<IReadOnlyList<EventRow>> RedactedByAsync(IReadOnlyCollection<EventNid> redactions, CancellationToken stop);

    /// <summary>
    /// The last live event of the room with that position or an earlier one: where the timeline ended when that position was published.
    /// <see cref="EventNid.None"/> if there was none.
    /// </summary>
    ValueTask<EventNid> LastNidAtAsync(RoomNid room, long position, CancellationToken stop);

    /// <summary>The same for several rooms at once; rooms without any are left out.</summary>
    ValueTask<IReadOnlyDictionary<RoomNid, EventNid>> LastNidsAtAsync(
        IReadOnlyCollection<RoomNid> rooms, long position, CancellationToken stop);
}

/// <summary>What is special about a stored event.</summary>
[Flags]
public enum EventMarks
{
    /// <summary>An accepted message event.</summary>
    None = 0,

    /// <summary>It has a state key.</summary>
    State = 1,

    /// <summary>It failed authorization against its auth events or the state before it.</summary>
    Rejected = 2,

    /// <summary>It failed authorization against the current state only: kept, not shown, not built upon.</summary>
    SoftFailed = 4,

    /// <summary>It is known (an auth event, say) but has no place in the timeline.</summary>
    Outlier = 8,

    /// <summary>It was fetched from history, not received live.</summary>
    Backfilled = 16,

    /// <summary>A redaction whose event is not here, or not yet: kept, not applied, not shown.</summary>
    WaitingRedaction = 32,
}

/// <summary>An event as stored.</summary>
/// <param name="Nid">Its number.</param>
/// <param name="EventId">Its id.</param>
/// <param name="Position">The position of the batch that stored it.</param>
/// <param name="Step">The step of the state after it. The state before it is that step's parent if it is an accepted state event that changed
/// state, else the same step.</param>
/// <param name="Marks">What is special about it.</param>
/// <param name="NotifyClass">What the default push rules make of it for most readers: bits that its lane chose. 0 if it notifies nobody.</param>
/// <param name="Sender">Its sender.</param>
/// <param name="ThreadRoot">The root of the thread it belongs to, or none.</param>
/// <param name="RedactedBy">The event that redacted it, or none.</param>
/// <param name="Transaction">Which device sent it under which transaction id, if one of ours did.</param>
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
    /// <summary>The position of the batch that stored it; 0 until it is durable.</summary>
    public long Position { get; internal set; } = Position;
}

/// <summary>The device that sent an event, and the transaction id that it gave.</summary>
/// <param name="DeviceId">The device, of the event's sender.</param>
/// <param name="TransactionId">The client's transaction id.</param>
public sealed record SentAs(string DeviceId, string TransactionId);

/// <summary>Events were decided: they are stored, each with its number. Rejected if an id or a number is taken.</summary>
/// <param name="Room">The room.</param>
/// <param name="Events">The events, in the order of their numbers.</param>
public sealed record EventsAppended(RoomIdentity Room, IReadOnlyList<StoredEvent> Events) : Change
{
    /// <summary>The request with a transaction id that this carries out, by the hash of its key.</summary>
    public UInt128? Request { get; init; }

    /// <summary>The live events among them: the first, and how many ordinals they span. Null if there are none.</summary>
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
            for (var i = 0; i < Events.Count; i++) weight += 400 + Events[i].Row.Json.Length + (Events[i].Relation is null ? 0 : 200);
            return weight;
        }
    }

    internal override void Durable(long position)
    {
        for (var i = 0; i < Events.Count; i++) Events[i].Durable(position);
    }
}

/// <summary>An event was redacted by another. Of several redactions the first that is stored counts.</summary>
/// <param name="Redacted">The event in its redacted form; its row names the redaction.</param>
public sealed record EventRedacted(StoredEvent Redacted) : Change
{
    /// <summary>The redacted event's number.</summary>
    public EventNid Nid => Redacted.Nid;

    /// <summary>The redaction's number.</summary>
    public EventNid By => Redacted.Row.RedactedBy;

    internal override int Weight => 200 + Redacted.Row.Json.Length;
}

/// <summary>A redaction waits for its event. Of a room's waiting redactions the latest are remembered.</summary>
/// <param name="Redaction">The redaction.</param>
/// <param name="TargetId">The event that it redacts.</param>
/// <param name="Keep">How many a room remembers.</param>
public sealed record RedactionWaits(EventNid Redaction, string TargetId, int Keep) : Change;

/// <summary>No redaction of a room waits for an event any more: it came.</summary>
public sealed record WaitingRedactionsDropped(RoomNid Room, string TargetId) : Change;

/// <summary>An event is something else than was thought when it was stored.</summary>
public sealed record EventMarksChanged(EventNid Nid, EventMarks Marks) : Change;
