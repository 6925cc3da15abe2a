namespace Matrix.Host.Storage.Tables.Relations;

/// <summary>Relations between events, and threads. Client-Server API, "Forming relationships between events" and "Threading".</summary>
public interface IRelationsTable
{
    /// <summary>
    /// Events that relate to a parent, in timeline order, from the one next to <see cref="RelationsQuery.From"/> on. With a depth above 1 also
    /// those that relate to these, up to <see cref="StorageOptions.MaxRelationDepth"/>.
    /// </summary>
    ValueTask<IReadOnlyList<RelationRow>> ChildrenAsync(RelationsQuery query, CancellationToken stop);

    /// <summary>What is bundled with these events, in one round trip; events to which nothing relates are left out.</summary>
    /// <param name="room">The room of all of them.</param>
    /// <param name="parents">Their ids.</param>
    /// <param name="reader">For whom: whether they took part in a thread.</param>
    /// <param name="stop">Cancels the question.</param>
    ValueTask<IReadOnlyDictionary<string, Aggregation>> AggregationsAsync(
        RoomNid room, IReadOnlyCollection<string> parents, string reader, CancellationToken stop);

    /// <summary>Whether an event of the room is the root of a thread that has an event.</summary>
    ValueTask<bool> HasThreadAsync(RoomNid room, string rootId, CancellationToken stop);

    /// <summary>The senders of a thread's events up to one of them, those who spoke last first; the root is not counted.</summary>
    ValueTask<IReadOnlyList<ThreadSender>> ThreadSendersAsync(
        RoomNid room, string rootId, EventNid through, int limit, CancellationToken stop);

    /// <summary>Whether any event of the room relates to another: if not, nothing is bundled there.</summary>
    ValueTask<bool> AnyAsync(RoomNid room, CancellationToken stop);

    /// <summary>Whether the sender has already annotated the parent with this type and key: such a second annotation is refused.</summary>
    ValueTask<bool> HasAnnotationAsync(
        RoomNid room, string parentId, string sender, string eventType, string key, CancellationToken stop);

    /// <summary>Thread roots of a room, the one with the latest event first, a page at a time.</summary>
    /// <param name="room">The room.</param>
    /// <param name="before">Threads whose latest event is before this one; null for the first page.</param>
    /// <param name="reader">For whom: whether they took part.</param>
    /// <param name="participatedOnly">Only threads that the reader's events are in, root included.</param>
    /// <param name="limit">At most this many.</param>
    /// <param name="stop">Cancels the question.</param>
    ValueTask<IReadOnlyList<ThreadRow>> ThreadsAsync(
        RoomNid room, EventNid? before, string reader, bool participatedOnly, int limit, CancellationToken stop);
}

/// <summary>Which related events to answer.</summary>
public sealed record RelationsQuery
{
    /// <summary>The room.</summary>
    public required RoomNid Room { get; init; }

    /// <summary>The event related to.</summary>
    public required string ParentId { get; init; }

    /// <summary>Only this `rel_type`; null for all.</summary>
    public string? RelType { get; init; }

    /// <summary>Only this event type; null for all.</summary>
    public string? EventType { get; init; }

    /// <summary>Only events of this sender; null for all.</summary>
    public string? Sender { get; init; }

    /// <summary>Which way.</summary>
    public Direction Direction { get; init; } = Direction.Backward;

    /// <summary>Start next to this one; null for the end that the direction comes from.</summary>
    public EventNid? From { get; init; }

    /// <summary>The last one that may be answered; null for the other end.</summary>
    public EventNid? Until { get; init; }

    /// <summary>At most this many.</summary>
    public int Limit { get; init; } = 50;

    /// <summary>1 for what relates to the parent itself.</summary>
    public int Depth { get; init; } = 1;
}

/// <summary>An event that relates to another.</summary>
/// <param name="Event">It.</param>
/// <param name="EventId">Its id.</param>
/// <param name="ParentId">What it relates to.</param>
/// <param name="RelType">How.</param>
/// <param name="EventType">Its type.</param>
/// <param name="Sender">Its sender.</param>
/// <param name="Depth">1 if it relates to the parent that was asked for.</param>
public sealed record RelationRow(
    EventNid Event, string EventId, string ParentId, string RelType, string EventType, string Sender, int Depth);

/// <summary>What is bundled with an event.</summary>
public sealed record Aggregation
{
    /// <summary>Replacements by the event's own sender, the latest by timestamp, then by event id, of each type.</summary>
    public IReadOnlyList<ReplacementRow> Replacements { get; init; } = [];

    /// <summary>The replacement that counts for an event of that type, or none.</summary>
    public EventNid ReplacementOf(string eventType) => Replacements.FirstOrDefault(row => row.EventType == eventType).Event;

    /// <summary>The thread that the event is the root of, or null.</summary>
    public ThreadRow? Thread { get; init; }

    /// <summary>Events that refer to it (`m.reference`), in timeline order; at most <see cref="MaxReferences"/>.</summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>Of no more replacements of one event, by its sender, of one type and at one millisecond, the ids are compared: the latest stored.</summary>
    public const int MaxSimultaneous = 100;

    /// <summary>No more references than this are bundled.</summary>
    public const int MaxReferences = 100;
}

/// <summary>A replacement (`m.replace`).</summary>
/// <param name="EventType">Its type.</param>
/// <param name="Event">It.</param>
public readonly record struct ReplacementRow(string EventType, EventNid Event);

/// <summary>A thread.</summary>
/// <param name="RootId">Its root.</param>
/// <param name="Latest">Its latest event.</param>
/// <param name="Count">How many events are in it, the root not counted.</param>
/// <param name="Participated">Whether the reader's events are in it, root included.</param>
public sealed record ThreadRow(string RootId, EventNid Latest, int Count, bool Participated);

/// <summary>What one user has said in a thread.</summary>
/// <param name="Sender">The user.</param>
/// <param name="Count">How many events.</param>
/// <param name="Latest">The last of them.</param>
public readonly record struct ThreadSender(string Sender, int Count, EventNid Latest);
