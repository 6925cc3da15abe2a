using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;

namespace Matrix.Host.Storage.Tables.Events;

/// <summary>An event of a room: its row, and what its bytes say, parsed when first asked for.</summary>
public sealed class StoredEvent
{
    private Pdu? _pdu;
    private AuthEvent? _auth;
    private Relation? _relation;
    private bool _relationKnown;
    private long _originServerTs = -1;
    private EventSlices? _slices;

    /// <summary>An event as read from the database.</summary>
    public StoredEvent(RoomIdentity room, EventRow row)
    {
        Room = room;
        Row = row;
    }

    /// <summary>An event that is parsed already.</summary>
    public StoredEvent(RoomIdentity room, EventRow row, Pdu pdu)
        : this(room, row)
    {
        ArgumentNullException.ThrowIfNull(pdu);
        _pdu = pdu;
        _originServerTs = pdu.OriginServerTs;
    }

    /// <summary>The room.</summary>
    public RoomIdentity Room { get; }

    /// <summary>The row. Its position is 0 until the event is durable.</summary>
    public EventRow Row { get; private set; }

    /// <summary>The event's number.</summary>
    public EventNid Nid => Row.Nid;

    /// <summary>The event's id.</summary>
    public string EventId => Row.EventId;

    /// <summary>The parsed event.</summary>
    public Pdu Pdu => _pdu ??= Room.Rules.ParseStored(Row.EventId, Row.Json);

    /// <summary>What authorization reads of it, read once.</summary>
    public AuthEvent Auth => _auth ??= Room.Rules.Prepare(Pdu);

    /// <summary>How it relates to another event, as <see cref="RelationOf"/> says.</summary>
    public Relation? Relation
    {
        get
        {
            if (_relationKnown) return _relation;
            _relation = RelationOf(Pdu.Type, Pdu.Content);
            _relationKnown = true;
            return _relation;
        }
    }

    /// <summary>When its origin says that it was sent, in milliseconds since the epoch. Does not parse the event.</summary>
    public long OriginServerTs => _originServerTs >= 0 ? _originServerTs : _originServerTs = ClientEvent.OriginServerTs(Row.Json);

    /// <summary>What clients see of it, in its bytes. Does not parse the event.</summary>
    public EventSlices Slices => _slices ??= ClientEvent.Slice(Row.Json.Span);

    /// <summary>The state event that it took the place of, or none; null while nobody has looked.</summary>
    public EventNid? Replaces { get; set; }

    /// <summary>Whether it was redacted.</summary>
    public bool IsRedacted => !Row.RedactedBy.IsNone;

    /// <summary>What no client is shown.</summary>
    public const EventMarks Hidden =
        EventMarks.Rejected | EventMarks.SoftFailed | EventMarks.Outlier | EventMarks.WaitingRedaction;

    /// <summary>Whether clients may be shown it at all.</summary>
    public bool IsShown => (Row.Marks & Hidden) == 0;

    /// <summary>Bytes of memory, estimated: the stored bytes, and the parsed form at about twice that.</summary>
    public long MemoryBytes => 400 + (3L * Row.Json.Length);

    /// <summary>The event as a redaction would leave it, for one who is not to read it. What is stored stays as it is.</summary>
    public StoredEvent Redacted()
    {
        var redacted = Room.Rules.Redact(Pdu);
        return new StoredEvent(Room, Row with { Json = redacted.Canonical }, redacted) { Replaces = Replaces };
    }

    /// <summary>Says what the default push rules make of the event, before it is written.</summary>
    public void Notifies(int notifyClass) => Row = Row with { NotifyClass = notifyClass };

    /// <summary>Lets go of the parsed form: it is made again if it is asked for.</summary>
    public void ForgetParsed() => _pdu = null;

    internal void Durable(long position) => Row.Position = position;

    /// <summary>
    /// How an event of that type and content relates to another; null if it does not, or if a NUL in it keeps the relation out of the database's
    /// text columns.
    /// </summary>
    public static Relation? RelationOf(string eventType, JsonObject content)
    {
        ArgumentNullException.ThrowIfNull(eventType);
        if (Relation.Of(content) is not { } relation) return null;
        var canBeStored = !eventType.Contains('\0') && !relation.RelType.Contains('\0') && !relation.ParentId.Contains('\0')
            && relation.Key?.Contains('\0') != true;
        return canBeStored ? relation : null;
    }
}
