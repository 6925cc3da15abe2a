using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Relations;

/// <summary>An event relates to another. A `m.thread` relation makes or moves a thread.</summary>
public sealed record InsertRelation : WriteOperation
{
    /// <summary>The event that relates.</summary>
    public required EventNid Event { get; init; }

    /// <summary>What it relates to; need not be stored.</summary>
    public required string ParentId { get; init; }

    /// <summary>How (`rel_type`).</summary>
    public required string RelType { get; init; }

    /// <summary>Its type.</summary>
    public required string EventType { get; init; }

    /// <summary>Its sender.</summary>
    public required string Sender { get; init; }

    /// <summary>Its timestamp, by which replacements are ordered.</summary>
    public required long OriginServerTs { get; init; }

    /// <summary>The key of an annotation; null otherwise.</summary>
    public string? AnnotationKey { get; init; }
}

/// <summary>An event no longer relates to anything: it was redacted. Its thread, if it was in one, is counted again.</summary>
public sealed record DeleteRelation(EventNid Event) : WriteOperation;
