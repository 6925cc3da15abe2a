using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.Sync;

namespace Matrix.Host.Storage.Tables.Events;

/// <summary>An event of a room: its row and its parsed forms. Each form is parsed at its first use.</summary>
public sealed class StoredEvent
{
    private Pdu? _pdu;
    private AuthEvent? _auth;
    private Relation? _relation;
    private bool _relationKnown;
    private readonly bool? _hasRelation;
    private long _originServerTs = -1;
    private ClientForm? _clientForm;
    private string? _membership;

    /// <summary>An event that was read from the database.</summary>
    public StoredEvent(RoomIdentity room, EventRow row)
    {
        Room = room;
        Row = row;
    }

    /// <summary>An event that is parsed already.</summary>
    public StoredEvent(RoomIdentity room, EventRow row, Pdu pdu)
        : this(room, row)
    {
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

    /// <summary>The parts that authorization reads.</summary>
    public AuthEvent Auth => _auth ??= Room.Rules.Prepare(Pdu);

    /// <summary>Its relation to another event; null if there is none.</summary>
    public Relation? Relation
    {
        get
        {
            if (_relationKnown) return _relation;
            _relation = Relation.Of(Pdu.Content);
            _relationKnown = true;
            return _relation;
        }
    }

    /// <summary>Whether it has a relation. Does not parse an event that another node stored.</summary>
    public bool HasRelation
    {
        get => _hasRelation ?? Relation is not null;
        init => _hasRelation = value;
    }

    /// <summary>Its `origin_server_ts`, in milliseconds since the epoch. Does not parse the event.</summary>
    public long OriginServerTs =>
        _originServerTs >= 0 ? _originServerTs : _originServerTs = ClientEvent.OriginServerTs(Row.Json);

    /// <summary>What clients get, without what differs between readers. Does not parse the event.</summary>
    public ClientForm ClientForm => _clientForm ??= ClientEvent.FormOf(Room.Rules.Format, EventId, Row.Json.Span);

    /// <summary>The membership that a member event gives; `leave` if it gives none.</summary>
    public string Membership => _membership ??= HistoryVisibility.MembershipOf(Pdu.Content) ?? "leave";

    /// <summary>The state event that it replaced, or none; null if this was not read yet.</summary>
    public EventNid? Replaces { get; set; }

    /// <summary>Whether a redaction applies to it.</summary>
    public bool IsRedacted => !Row.RedactedBy.IsNone;

    /// <summary>The flags of events that are hidden from clients.</summary>
    public const EventMarks Hidden =
        EventMarks.Rejected | EventMarks.SoftFailed | EventMarks.Outlier | EventMarks.WaitingRedaction
        | EventMarks.Dummy;

    /// <summary>Whether the event is not hidden from clients.</summary>
    public bool IsShown => (Row.Marks & Hidden) == 0;

    /// <summary>
    /// Bytes of memory, estimated: the stored bytes, and at about twice that the parsed form and the clients' form.
    /// </summary>
    public long MemoryBytes => 400 + (3L * Row.Json.Length);

    /// <summary>A redacted copy, for readers who may not see the content. The stored event does not change.</summary>
    public StoredEvent Redacted()
    {
        var redacted = Room.Rules.Redact(Pdu);
        return new StoredEvent(Room, Row with { Json = redacted.Canonical }, redacted) { Replaces = Replaces };
    }

    /// <summary>Sets the outcome of the default push rules, before the event is written.</summary>
    public void Notifies(int notifyClass) => Row = Row with { NotifyClass = notifyClass };

    /// <summary>The smallest number among events.</summary>
    public static EventNid OldestOf(IReadOnlyList<StoredEvent> among)
    {
        var oldest = long.MaxValue;
        for (var i = 0; i < among.Count; i++) oldest = Math.Min(oldest, among[i].Nid.Value);
        return new EventNid(oldest);
    }

    /// <summary>Drops the parsed form to free memory; the next use parses again.</summary>
    public void ForgetParsed() => _pdu = null;

    internal void Durable(long position) => Row.Position = position;
}
