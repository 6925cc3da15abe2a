using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Events;

/// <summary>An event is stored. Rejected if its id or its number is taken.</summary>
public sealed record InsertEvent : WriteOperation
{
    /// <summary>Its number.</summary>
    public required EventNid Nid { get; init; }

    /// <summary>Its id.</summary>
    public required string EventId { get; init; }

    /// <summary>The step of the state after it.</summary>
    public required int Step { get; init; }

    /// <summary>Its sender.</summary>
    public required string Sender { get; init; }

    /// <summary>The canonical bytes, without `unsigned`. Not copied: leave them alone.</summary>
    public required ReadOnlyMemory<byte> Json { get; init; }

    /// <summary>What is special about it.</summary>
    public EventStanding Standing { get; init; }

    /// <summary>What the default push rules make of it: see <see cref="EventRow.NotifyClass"/>.</summary>
    public int NotifyClass { get; init; }

    /// <summary>The root of the thread it belongs to, or none.</summary>
    public EventNid ThreadRoot { get; init; }

    /// <summary>Which device sent it under which transaction id, if one of ours did.</summary>
    public SentAs? Transaction { get; init; }

    internal override int Weight => 400 + Json.Length;
}

/// <summary>An event was redacted by another. Of several redactions the first that is stored counts.</summary>
/// <param name="Nid">The redacted event.</param>
/// <param name="By">The redaction.</param>
/// <param name="RedactedJson">Replaces the stored bytes, so that what was redacted is gone; null keeps them.</param>
public sealed record MarkRedacted(EventNid Nid, EventNid By, ReadOnlyMemory<byte>? RedactedJson) : WriteOperation;

/// <summary>An event is something else than was thought when it was stored: an outlier that found its place in the state, say.</summary>
public sealed record SetEventStanding(EventNid Nid, EventStanding Standing, int Step) : WriteOperation;
