using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Events;

/// <summary>An event of a room: its row, and what its bytes say, parsed when first asked for.</summary>
public sealed class StoredEvent
{
    private Pdu? _pdu;
    private AuthEvent? _auth;
    private long _originServerTs = -1;

    /// <summary>An event as read from the database.</summary>
    public StoredEvent(RoomIdentity room, EventRow row)
    {
        Room = room;
        Row = row;
    }

    /// <summary>An event that was just made: nothing needs parsing.</summary>
    internal StoredEvent(RoomIdentity room, EventRow row, Pdu pdu)
        : this(room, row)
    {
        _pdu = pdu;
        _originServerTs = pdu.OriginServerTs;
    }

    /// <summary>The room.</summary>
    public RoomIdentity Room { get; }

    /// <summary>The row.</summary>
    public EventRow Row { get; internal set; }

    /// <summary>The event's number.</summary>
    public EventNid Nid => Row.Nid;

    /// <summary>The event's id.</summary>
    public string EventId => Row.EventId;

    /// <summary>The parsed event.</summary>
    public Pdu Pdu => _pdu ??= Room.Rules.ParseStored(Row.EventId, Row.Json);

    /// <summary>What authorization reads of it, read once.</summary>
    public AuthEvent Auth => _auth ??= Room.Rules.Prepare(Pdu);

    /// <summary>When its origin says that it was sent, in milliseconds since the epoch. Does not parse the event.</summary>
    public long OriginServerTs => _originServerTs >= 0 ? _originServerTs : _originServerTs = ClientEvent.OriginServerTs(Row.Json);

    /// <summary>The state event that it took the place of, or none; null while nobody has looked.</summary>
    public EventNid? Replaces { get; internal set; }

    /// <summary>Whether it was redacted.</summary>
    public bool IsRedacted => !Row.RedactedBy.IsNone;

    /// <summary>The event as a redaction would leave it, for one who is not to read it. What is stored stays as it is.</summary>
    public StoredEvent Redacted()
    {
        var redacted = Room.Rules.Redact(Pdu);
        return new StoredEvent(Room, Row with { Json = redacted.Canonical }, redacted) { Replaces = Replaces };
    }

    /// <summary>Whether clients may be shown it at all: not rejected, not soft-failed, not an outlier.</summary>
    public bool IsShown => (Row.Standing & (EventStanding.Rejected | EventStanding.SoftFailed | EventStanding.Outlier)) == 0;

    /// <summary>Lets go of the parsed form: it is made again if it is asked for.</summary>
    internal void ForgetParsed() => _pdu = null;

    /// <summary>Bytes of memory, estimated: the stored bytes, and the parsed form at about twice that.</summary>
    internal long MemoryBytes => 300 + (3L * Row.Json.Length);
}
