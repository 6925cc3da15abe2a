namespace Matrix.Host.Storage.Tables.Relations;

/// <summary>
/// Relations between events, and threads. Client-Server API, "Forming relationships between events" and "Threading".
/// </summary>
public interface IRelationsTable
{
    /// <summary>
    /// Events that relate to a parent, in timeline order, starting next to <see cref="RelationsQuery.From"/>. With a
    /// depth above 1, also events that relate to these, up to <see cref="StorageOptions.MaxRelationDepth"/>.
    /// </summary>
    ValueTask<IReadOnlyList<RelationRow>> ChildrenAsync(RelationsQuery query, CancellationToken stop);

    /// <summary>The aggregations of these events, in one round trip; events without relations are left out.</summary>
    /// <param name="reader">The user for whom `current_user_participated` is computed.</param>
    ValueTask<IReadOnlyDictionary<string, Aggregation>> AggregationsAsync(
        RoomNid room, IReadOnlyCollection<string> parents, string reader, CancellationToken stop);

    /// <summary>Whether an event of the room is the root of a thread with at least one event.</summary>
    ValueTask<bool> HasThreadAsync(RoomNid room, string rootId, CancellationToken stop);

    /// <summary>
    /// The senders of a thread's events up to one of them, the latest senders first; the root does not count.
    /// </summary>
    ValueTask<IReadOnlyList<ThreadSender>> ThreadSendersAsync(
        RoomNid room, string rootId, EventNid through, int limit, CancellationToken stop);

    /// <summary>Those of these rooms that have any event that relates to another, in one query.</summary>
    ValueTask<IReadOnlyList<RoomNid>> AnyAsync(IReadOnlyCollection<RoomNid> rooms, CancellationToken stop);

    /// <summary>
    /// Whether the sender has already annotated the parent with this type and key: a second such annotation is refused.
    /// </summary>
    ValueTask<bool> HasAnnotationAsync(
        RoomNid room, string parentId, string sender, string eventType, string key, CancellationToken stop);

    /// <summary>Thread roots of a room, the one with the latest event first, a page at a time.</summary>
    /// <param name="before">Only threads whose latest event is before this one; null for the first page.</param>
    /// <param name="reader">The user for whom participation is computed.</param>
    /// <param name="participatedOnly">Only threads with an event of the reader, root included.</param>
    ValueTask<IReadOnlyList<ThreadRow>> ThreadsAsync(
        RoomNid room, EventNid? before, string reader, bool participatedOnly, int limit, CancellationToken stop);
}

/// <summary>A query of related events.</summary>
public sealed record RelationsQuery
{
    /// <summary>The room.</summary>
    public required RoomNid Room { get; init; }

    /// <summary>The id of the event that they relate to.</summary>
    public required string ParentId { get; init; }

    /// <summary>Only this `rel_type`; null for all.</summary>
    public string? RelType { get; init; }

    /// <summary>Only this event type; null for all.</summary>
    public string? EventType { get; init; }

    /// <summary>Only events of this sender; null for all.</summary>
    public string? Sender { get; init; }

    /// <summary>The order of the result.</summary>
    public Direction Direction { get; init; } = Direction.Backward;

    /// <summary>Starts next to this event; null for the first in the direction.</summary>
    public EventNid? From { get; init; }

    /// <summary>Ends with this event; null for the last in the direction.</summary>
    public EventNid? Until { get; init; }

    /// <summary>The most events to return.</summary>
    public int Limit { get; init; } = 50;

    /// <summary>1 for events that relate to the parent itself.</summary>
    public int Depth { get; init; } = 1;
}

/// <summary>An event that relates to another.</summary>
/// <param name="ParentId">The id of the event that it relates to.</param>
/// <param name="RelType">Its `rel_type`.</param>
/// <param name="Depth">1 if it relates to the parent of the query.</param>
public sealed record RelationRow(
    EventNid Event, string EventId, string ParentId, string RelType, string EventType, string Sender, int Depth);

/// <summary>The aggregations that are bundled with an event.</summary>
public sealed record Aggregation
{
    /// <summary>
    /// The latest replacement of each type by the event's own sender: by timestamp, then by event id.
    /// </summary>
    public IReadOnlyList<ReplacementRow> Replacements { get; init; } = [];

    /// <summary>The replacement that applies to an event of this type, or none.</summary>
    public EventNid ReplacementOf(string eventType) =>
        Replacements.FirstOrDefault(row => row.EventType == eventType).Event;

    /// <summary>The thread of which the event is the root, or null.</summary>
    public ThreadRow? Thread { get; init; }

    /// <summary>
    /// Events that refer to it (`m.reference`), in timeline order; at most <see cref="MaxReferences"/>.
    /// </summary>
    public IReadOnlyList<string> References { get; init; } = [];

    /// <summary>
    /// The most replacements of one event, sender, type and millisecond whose ids are compared: those stored last.
    /// </summary>
    public const int MaxSimultaneous = 100;

    /// <summary>The most references that are bundled.</summary>
    public const int MaxReferences = 100;
}

/// <summary>A replacement (`m.replace`).</summary>
public readonly record struct ReplacementRow(string EventType, EventNid Event);

/// <summary>A thread.</summary>
/// <param name="Count">The number of its events without the root.</param>
/// <param name="Participated">Whether the reader sent an event of it, the root included.</param>
public sealed record ThreadRow(string RootId, EventNid Latest, int Count, bool Participated);

/// <summary>A user's events in a thread.</summary>
/// <param name="Latest">The last of them.</param>
public readonly record struct ThreadSender(string Sender, int Count, EventNid Latest);
