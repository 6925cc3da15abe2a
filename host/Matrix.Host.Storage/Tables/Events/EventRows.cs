namespace Matrix.Host.Storage.Tables.Events;

/// <summary>What is special about a stored event.</summary>
[Flags]
public enum EventStanding
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
/// <param name="Position">The position of the set that stored it.</param>
/// <param name="Step">The step of the state after it. The state before it is that step's parent if it is an accepted state event that changed
/// state, else the same step.</param>
/// <param name="Standing">What is special about it.</param>
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
    EventStanding Standing,
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
