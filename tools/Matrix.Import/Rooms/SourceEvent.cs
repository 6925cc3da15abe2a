using Matrix.Core.Event;
using Matrix.Import.Sources;

namespace Matrix.Import.Rooms;

/// <summary>An event as Synapse has it, and as it is read.</summary>
internal sealed class SourceEvent
{
    /// <summary>The columns that <see cref="Of"/> reads, and the tables.</summary>
    public const string Columns = """
        SELECT e.event_id, e.received_ts, j.json, j.internal_metadata, g.state_group,
            COALESCE(r.reason, e.rejection_reason)
        FROM events e LEFT JOIN event_json j ON j.event_id = e.event_id
        LEFT JOIN event_to_state_groups g ON g.event_id = e.event_id
        LEFT JOIN rejections r ON r.event_id = e.event_id
        """;

    /// <summary>The same columns, of which only the JSON is filled: what reading it needs.</summary>
    public const string JsonColumns = """
        SELECT e.event_id, NULL, j.json, '', 0, NULL FROM events e LEFT JOIN event_json j ON j.event_id = e.event_id
        """;

    public required string EventId { get; init; }

    /// <summary>Its place among the room's events.</summary>
    public required int At { get; init; }

    public required long? ReceivedAt { get; init; }

    /// <summary>Its JSON, which is dropped once it is read; empty if there is none.</summary>
    public byte[] Json { get; set; } = [];

    public required string Metadata { get; init; }

    /// <summary>The group of the state after it; 0 if there is none.</summary>
    public required long StateGroup { get; init; }

    /// <summary>Why Synapse rejected it; null if it did not.</summary>
    public required string? Rejection { get; init; }

    /// <summary>The event; null if it could not be read.</summary>
    public Pdu? Pdu { get; set; }

    /// <summary>Why it could not be read.</summary>
    public string Fault { get; set; } = "";

    /// <summary>Whether its content hash is wrong, and the event was not redacted: it is kept redacted.</summary>
    public bool HasWrongHash { get; set; }

    /// <summary>What Synapse noted about it.</summary>
    public EventMetadata Notes { get; set; } = EventMetadata.None;

    public static SourceEvent Of(ISourceRow row, int at) => new()
    {
        EventId = row.Text(0),
        At = at,
        ReceivedAt = row.Int64OrNull(1),
        Json = row.Bytes(2),
        Metadata = row.Text(3),
        StateGroup = row.Int64(4),
        Rejection = row.TextOrNull(5),
    };
}
