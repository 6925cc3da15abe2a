using Matrix.Core.Event;
using Matrix.Core.Room;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Followers;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.State;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Import.Notifying;
using Matrix.Import.Runs;

namespace Matrix.Import.Rooms;

/// <summary>Turns a room's events into changes.</summary>
internal sealed class EventWriter
{
    /// <summary>The redactions without their event that a room keeps: as the server does.</summary>
    private const int MostWaitingRedactions = 1_000;

    private const string DummyType = "org.matrix.dummy_event";

    /// <summary>
    /// How long a device may take to see what it sent. Transaction ids of older events would be a fortieth of all
    /// bytes.
    /// </summary>
    private static readonly TimeSpan _longestEcho = TimeSpan.FromDays(30);

    private readonly ImportContext _context;
    private readonly KnownRoom _known;
    private readonly RoomIdentity _room;
    private readonly EventIndex _events;
    private readonly RoomRedactions _redactions;
    private readonly AuthHeights? _heights;
    private readonly RoomChanges _changes;
    private readonly NotifyClasses _notify;
    private readonly long _echoedSince;

    public EventWriter(
        ImportContext context,
        KnownRoom known,
        RoomIdentity room,
        RoomRedactions redactions,
        AuthHeights? heights,
        RoomChanges changes)
    {
        (_context, _known, _room, _events) = (context, known, room, known.Events);
        (_redactions, _heights, _changes) = (redactions, heights, changes);
        _echoedSince = (context.Time.GetUtcNow() - _longestEcho).ToUnixTimeMilliseconds();
        _notify = new NotifyClasses(room, known.Joined, Stored(known.Create), Stored(known.PowerLevels));

        StoredEvent? Stored(Pdu? pdu) => pdu is null ? null : new StoredEvent(
            room,
            new EventRow(
                EventNid.None, pdu.EventId, 0, 0, EventMarks.State, 0, pdu.Sender, EventNid.None, EventNid.None, null,
                pdu.Canonical),
            pdu);
    }

    /// <summary>The last accepted live event; null if there is none.</summary>
    public (string Id, int At)? LastAccepted { get; private set; }

    /// <summary>Whether an event was left out.</summary>
    public bool HasLeftOut { get; private set; }

    /// <summary>Leaves out an event that could not be read.</summary>
    public void LeaveOut(SourceEvent each)
    {
        HasLeftOut = true;
        _events.Set(each.At, EventTraits.LeftOut);
        _changes.LeaveOut("events", each.EventId, $"{each.Fault} Room {_known.RoomId}.");
    }

    /// <summary>Notes what Synapse decided, for the states around the event and for later events.</summary>
    public void Judge(SourceEvent each)
    {
        var pdu = each.Pdu!;
        if (each.Rejection is not null) _events.Set(each.At, EventTraits.Rejected);
        else if (each.Notes.IsSoftFailed) _events.Set(each.At, EventTraits.SoftFailed);
        if (IsOnTrust(each.At, pdu)) _events.Set(each.At, EventTraits.OnTrust);
        if (pdu is { Type: EventTypes.Member, StateKey: not null } && MembershipOf(pdu) is { } membership)
        {
            _events.SetMembership(each.At, membership);
        }

        var isHere = _events.Kind(each.At) == EventKind.Live && each.Rejection is null && !each.Notes.IsSoftFailed;
        if (isHere) LastAccepted = (each.EventId, each.At);
    }

    /// <summary>Writes an event.</summary>
    /// <param name="each">The event.</param>
    /// <param name="step">The step of the state after it; 0 for an outlier.</param>
    /// <param name="before">The step of the state before it, if that does not follow from the other.</param>
    public void Write(SourceEvent each, int step, int? before)
    {
        var (pdu, at) = (each.Pdu!, each.At);
        var nid = EventNid.Of(_room.Nid, _events.Ordinal(at));
        var position = _events.Stream(at);
        _events.SetStep(at, step);
        var redaction = _redactions.Of(pdu.EventId);
        var waits = IsWaiting(each);
        if (!redaction.IsNone) pdu = _room.Rules.Redact(pdu);
        else if (each.HasWrongHash)
        {
            _changes.LeaveOut("contents", pdu.EventId, "Its content hash is wrong: the event is carried redacted.");
        }

        var marks = MarksOf(each)
            | (waits ? EventMarks.WaitingRedaction : 0)
            | (before is null ? 0 : EventMarks.Branched);
        var isShown = (marks & StoredEvent.Hidden) == 0;
        var relation = Relation.Of(pdu.Content);
        var root = isShown ? ThreadRootOf(relation) : EventNid.None;
        _events.SetThreadRoot(at, root);
        var isHeard = isShown && redaction.IsNone && _events.Kind(at) == EventKind.Live;
        var row = new EventRow(
            nid, pdu.EventId, 0, step, marks, isHeard ? _notify.Of(pdu) : 0, pdu.Sender, root, redaction,
            SentAsOf(each, pdu), pdu.Canonical);
        var stored = new StoredEvent(_room, row, pdu);
        _changes.Add(
            new EventsAppended(_room, [stored]) { Request = RequestOf(pdu) }, position, each.ReceivedAt);
        _changes.Written("events");
        if (!redaction.IsNone) _changes.Add(new EventRedacted(stored));
        if (waits) _changes.Add(new RedactionWaits(nid, each.Pdu!.Redacts ?? "", MostWaitingRedactions));
        if (before is { } named) _changes.Add(new StateBeforeNamed(nid, named));
        if (each.Rejection is not null || each.Notes.IsSoftFailed)
        {
            _changes.Add(new EventRefused(nid, "imported", each.Rejection ?? "soft-failed by Synapse"));
        }

        WriteGraph(each, pdu, nid);
        stored.ForgetParsed();
    }

    private void WriteGraph(SourceEvent each, Pdu pdu, EventNid nid)
    {
        if (_heights is null) return;
        if (pdu.IsState && each.Rejection is null) _heights.Take(each.At, pdu);
        if (_events.Kind(each.At) == EventKind.Outlier) return;
        foreach (var previous in pdu.PrevEvents.Distinct(StringComparer.Ordinal))
        {
            var known = _events.Find(previous);
            var isGap = known < 0 || _events.Kind(known) == EventKind.Outlier;
            if (isGap || _events.Is(known, EventTraits.Rejected) || _events.Is(known, EventTraits.SoftFailed))
            {
                _changes.Add(new FollowerDecided(nid, previous, isGap));
            }
        }
    }

    private EventMarks MarksOf(SourceEvent each)
    {
        var (pdu, kind) = (each.Pdu!, _events.Kind(each.At));
        var marks = (pdu.IsState ? EventMarks.State : 0)
            | (each.Rejection is not null ? EventMarks.Rejected : each.Notes.IsSoftFailed ? EventMarks.SoftFailed : 0)
            | (kind == EventKind.Outlier ? EventMarks.Outlier : 0)
            | (kind == EventKind.Backfilled ? EventMarks.Backfilled : 0)
            | (kind != EventKind.Outlier && _events.Is(each.At, EventTraits.OnTrust) ? EventMarks.OnTrust : 0)
            | (!pdu.IsState && pdu.Type == DummyType && each.Notes.TransactionId is null ? EventMarks.Dummy : 0);
        var isLocal = _context.IsLocal(pdu.Sender);
        if (!isLocal && each.Notes.SentFor is not null) marks |= EventMarks.ForAnother;

        // A local user's event on events that were not here came through another server.
        if (isLocal && kind == EventKind.Live && pdu.PrevEvents.Any(id => _events.Find(id) < 0))
        {
            marks |= EventMarks.Distributed;
        }

        return marks;
    }

    private bool IsWaiting(SourceEvent each) =>
        each.Pdu is { Type: EventTypes.Redaction, Redacts: not null }
        && _events.Kind(each.At) != EventKind.Outlier
        && each.Rejection is null
        && !each.Notes.IsSoftFailed
        && !_redactions.Applies(each.At);

    /// <summary>Whether a part of the event's history is missing, or is known without the state around it.</summary>
    private bool IsOnTrust(int at, Pdu pdu) =>
        _known.IsFederated
        && (_events.Kind(at) == EventKind.Outlier
            || pdu.PrevEvents.Any(IsUnsure)
            || pdu.AuthEvents.Any(IsUnsure));

    private bool IsUnsure(string eventId)
    {
        var at = _events.Find(eventId);
        return at < 0 || _events.Is(at, EventTraits.OnTrust);
    }

    private EventNid ThreadRootOf(Relation? relation)
    {
        if (relation is null || _events.Find(relation.ParentId) is not (>= 0 and var parent)) return EventNid.None;
        return relation.RelType == "m.thread"
            ? EventNid.Of(_room.Nid, _events.Ordinal(parent))
            : _events.ThreadRoot(_room.Nid, parent);
    }

    private SentAs? SentAsOf(SourceEvent each, Pdu pdu)
    {
        if (!_context.IsLocal(pdu.Sender)) return null;
        if (_known.Sends.TryGetValue(pdu.EventId, out var sent)) return new SentAs(sent.Device, sent.Transaction);
        return each.ReceivedAt >= _echoedSince && each.Notes is { DeviceId: { } device, TransactionId: { } transaction }
            ? new SentAs(device, transaction)
            : null;
    }

    /// <summary>The request that made the event, if Synapse would recognise a retry of it.</summary>
    private UInt128? RequestOf(Pdu pdu)
    {
        if (!_known.Sends.TryGetValue(pdu.EventId, out var sent)) return null;
        var what = pdu is { Type: EventTypes.Redaction, Redacts: { } target }
            ? $"redact/{_room.RoomId}/{target}"
            : $"send/{_room.RoomId}/{pdu.Type}";
        return new TransactionKey(pdu.Sender, sent.Device, what, sent.Transaction).Hash();
    }

    private static Membership? MembershipOf(Pdu pdu) => pdu.Content.Text("membership") switch
    {
        "join" => Membership.Join,
        "invite" => Membership.Invite,
        "knock" => Membership.Knock,
        "leave" => Membership.Leave,
        "ban" => Membership.Ban,
        _ => null,
    };
}
