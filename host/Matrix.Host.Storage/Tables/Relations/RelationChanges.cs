namespace Matrix.Host.Storage.Tables.Relations;

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
