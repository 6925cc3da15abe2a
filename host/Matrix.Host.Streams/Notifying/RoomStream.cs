using System.Runtime.InteropServices;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Streams.Notifying;

/// <summary>A room's timeline end and state after a flush.</summary>
/// <param name="Position">The flush.</param>
/// <param name="LastNid">The last event of the timeline.</param>
/// <param name="Step">The current state.</param>
public readonly record struct PastPosition(long Position, EventNid LastNid, int Step, int Joined, int Invited)
{
    /// <summary>Takes the values from a room's header.</summary>
    internal static PastPosition Of(RoomNid room, RoomHeader header, long position) => new(
        position, EventNid.Of(room, header.LastOrdinal), header.CurrentStep, header.JoinedCount, header.InvitedCount);
}

/// <summary>A receipt as it was recorded.</summary>
/// <param name="Position">The flush.</param>
/// <param name="Type"><c>m.read</c> or <c>m.read.private</c>.</param>
/// <param name="ThreadId">The thread, <c>main</c>, or empty for an unthreaded receipt.</param>
/// <param name="EventId">The event that it is at.</param>
/// <param name="Timestamp">Milliseconds since the epoch.</param>
public readonly record struct ReceiptMark(
    long Position, string UserId, string Type, string ThreadId, string EventId, long Timestamp)
{
    /// <summary>A receipt that was moved in a flush.</summary>
    internal static ReceiptMark Of(ReceiptMoved moved, long position) =>
        new(position, moved.UserId, moved.Type, moved.ThreadId, moved.EventId, moved.Timestamp);

    /// <summary>A receipt that was read from the database.</summary>
    internal static ReceiptMark Of(ReceiptRow row) =>
        new(row.Position, row.UserId, row.Type, row.ThreadId, row.EventId, row.Timestamp);
}

/// <summary>
/// A room that an active user is in: its active members and its recent changes. A sync that is nearly up to date reads
/// nothing from the database but events that are no longer cached.
/// </summary>
internal sealed class RoomStream(RoomNid roomNid)
{
    /// <summary>
    /// The number of flushes and of receipts that are remembered; older syncs read from the database.
    /// </summary>
    private const int Remembered = 32;

    /// <summary>
    /// The number of events that are remembered because they notify someone or are a user's own, and of users' own
    /// unread rows.
    /// </summary>
    private const int RememberedNotifying = 128;

    private readonly Lock _gate = new();
    private readonly List<RoomSubscription> _members = [];
    private readonly Queue<PastPosition> _past = [];
    private readonly Queue<ReceiptMark> _receipts = [];
    private readonly Queue<Notifying> _notifying = [];
    private EventNid _notifyingKnownAfter = EventNid.LastOf(roomNid);
    private EventNid _notifyingKnownThrough;
    private EventNid _lastRedaction;
    private long _receiptsKnownAfter = long.MaxValue;

    /// <summary>The room.</summary>
    public RoomNid RoomNid => roomNid;

    /// <summary>The last flush with something for the room's members, since a user of the room became active.</summary>
    public long LastEvents => Volatile.Read(ref _lastEvents);

    /// <summary>The last flush with a receipt.</summary>
    public long LastReceipts => Volatile.Read(ref _lastReceipts);

    /// <summary>The ephemeral counter at the last change of the typing users.</summary>
    public long LastTyping => Volatile.Read(ref _lastTyping);

    private long _lastEvents;
    private long _lastReceipts;
    private long _lastTyping;

    /// <summary>
    /// The number of subscriptions; at zero the notifier drops the room. Guarded by the notifier's lock.
    /// </summary>
    public int Holders;

    /// <summary>Receipts after this position are known here; earlier ones are only in the database.</summary>
    public void KnowsReceiptsAfter(long position)
    {
        lock (_gate) _receiptsKnownAfter = Math.Min(_receiptsKnownAfter, position);
    }

    /// <summary>Applies a flush in the room: its members' lists move the room to the front.</summary>
    public void Touch(PastPosition past, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            // The notifications of the first flush may be incomplete; those after it are not.
            if (_past.Count == 0) _notifyingKnownAfter = past.LastNid;
            _notifyingKnownThrough = past.LastNid;
            if (_past.Count == Remembered) _past.Dequeue();
            _past.Enqueue(past);
            Volatile.Write(ref _lastEvents, past.Position);
            TouchMembers(past.Position, ephemeral, wake);
        }
    }

    /// <summary>
    /// Records an event: it notifies everyone but its sender, or nobody. A message is read by its own sender.
    /// </summary>
    public void Happened(EventNid nid, EventNid threadRoot, string sender, bool isMessage, bool notifies) =>
        Remember(new Notifying(nid, threadRoot, null, sender, isMessage, notifies ? 1 : 0, 0));

    /// <summary>Records the result of a user's own push rules for an event.</summary>
    public void Notify(EventNid nid, EventNid threadRoot, string userId, int notifications, int highlights) =>
        Remember(new Notifying(nid, threadRoot, userId, "", false, notifications, highlights));

    /// <summary>Records a redaction: the redacted event does not notify in counts that reach the redaction.</summary>
    public void Redacted(EventNid nid, EventNid by)
    {
        lock (_gate)
        {
            _lastRedaction = new EventNid(Math.Max(_lastRedaction.Value, by.Value));
            for (var left = _notifying.Count; left > 0; left--)
            {
                var each = _notifying.Dequeue();
                _notifying.Enqueue(each.Nid == nid && each.RedactedBy.IsNone ? each with { RedactedBy = by } : each);
            }
        }
    }

    /// <summary>
    /// Events were deleted from the database: they notify nobody, and nobody has read anything by sending them.
    /// </summary>
    public void Purged(IReadOnlyCollection<EventNid> events)
    {
        lock (_gate)
        {
            if (_notifying.Count == 0) return;
            var gone = events.ToHashSet();
            for (var left = _notifying.Count; left > 0; left--)
            {
                var each = _notifying.Dequeue();
                if (!gone.Contains(each.Nid)) _notifying.Enqueue(each);
            }
        }
    }

    private void Remember(Notifying notifying)
    {
        lock (_gate)
        {
            if (_notifying.Count == RememberedNotifying)
            {
                var forgotten = _notifying.Dequeue().Nid;
                if (forgotten.Value > _notifyingKnownAfter.Value) _notifyingKnownAfter = forgotten;
            }

            _notifying.Enqueue(notifying);
        }
    }

    /// <summary>
    /// Collects a user's notifications after one event and up to another: thread, notifications and highlights. Also
    /// collects the user's own messages: thread and event, in order. False, with nothing collected, if not all of it is
    /// remembered.
    /// </summary>
    /// <param name="after">The event before the first.</param>
    /// <param name="asOf">Events redacted up to this event are left out.</param>
    /// <param name="redacted">Whether anything was redacted after the first of the events.</param>
    public bool TryUnread(
        EventNid after,
        EventNid through,
        EventNid asOf,
        string userId,
        Action<EventNid, int, int> add,
        Action<EventNid, EventNid>? own,
        out bool redacted)
    {
        lock (_gate)
        {
            redacted = _lastRedaction.Value > after.Value;

            // A snapshot of the room may be ahead: its last events have not come here yet.
            if (after.Value < _notifyingKnownAfter.Value || through.Value > _notifyingKnownThrough.Value) return false;
            foreach (var each in _notifying)
            {
                if (each.Nid.Value <= after.Value || each.Nid.Value > through.Value) continue;
                bool isOwn = each.UserId is null && each.Sender == userId;
                if (isOwn && each.IsMessage) own?.Invoke(each.ThreadRoot, each.Nid);
                else if (!isOwn && each.NotifiesAsOf(asOf) && (each.UserId ?? userId) == userId) add(
                    each.ThreadRoot, each.Notifications, each.Highlights);
            }

            return true;
        }
    }

    /// <summary>Records a receipt. A private receipt concerns its user alone.</summary>
    public void Touch(ReceiptMark receipt, bool isPrivate, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            if (_receipts.Count == Remembered)
            {
                _receiptsKnownAfter = Math.Max(_receiptsKnownAfter, _receipts.Dequeue().Position);
            }

            _receipts.Enqueue(receipt);
            Volatile.Write(ref _lastReceipts, receipt.Position);
            foreach (RoomSubscription subscription in CollectionsMarshal.AsSpan(_members))
            {
                bool own = subscription.Stream.UserId == receipt.UserId;
                if (isPrivate && !own) continue;
                subscription.Stream.Touch(subscription, receipt.Position, ephemeral, wake);
                if (own) subscription.Stream.TouchOwnReceipt(subscription, receipt.Position);
            }
        }
    }

    /// <summary>The members' unread counts may have changed, though no event and no receipt came.</summary>
    public void TouchCounts(long position, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            TouchMembers(position, ephemeral, wake);
            foreach (RoomSubscription subscription in CollectionsMarshal.AsSpan(_members))
            {
                subscription.Stream.TouchOwnReceipt(subscription, position);
            }
        }
    }

    /// <summary>Records a change of the typing users.</summary>
    public void TouchTyping(long position, long ephemeral, List<UserStream> wake)
    {
        lock (_gate)
        {
            Volatile.Write(ref _lastTyping, ephemeral);
            TouchMembers(position, ephemeral, wake);
        }
    }

    /// <summary>Adds the streams of the active members to a set.</summary>
    public void CollectMembers(HashSet<UserStream> streams)
    {
        lock (_gate)
        {
            foreach (RoomSubscription subscription in CollectionsMarshal.AsSpan(_members))
            {
                streams.Add(subscription.Stream);
            }
        }
    }

    /// <summary>Adds a joined user's subscription to the active members.</summary>
    public void Admit(RoomSubscription subscription)
    {
        lock (_gate)
        {
            // The user may have left while the rooms were read.
            if (subscription.MemberIndex >= 0 || subscription.Membership != ShownMembership.Joined) return;
            subscription.MemberIndex = _members.Count;
            _members.Add(subscription);
        }
    }

    /// <summary>Removes a user's subscription from the active members.</summary>
    public void Dismiss(RoomSubscription subscription)
    {
        lock (_gate)
        {
            if (subscription.MemberIndex < 0) return;
            RoomSubscription last = _members[^1];
            _members[subscription.MemberIndex] = last;
            last.MemberIndex = subscription.MemberIndex;
            _members.RemoveAt(_members.Count - 1);
            subscription.MemberIndex = -1;
        }
    }

    /// <summary>The room's state at a position; false if the position is too old to be remembered.</summary>
    public bool TryAt(long position, out PastPosition past)
    {
        lock (_gate)
        {
            bool found = false;
            past = default;
            foreach (PastPosition each in _past)
            {
                if (each.Position > position) break;
                past = each;
                found = true;
            }

            return found;
        }
    }

    /// <summary>The receipts after one position and up to another; false if not all of them are remembered.</summary>
    public bool TryReceipts(long after, long upTo, List<ReceiptMark> into)
    {
        lock (_gate)
        {
            if (after < _receiptsKnownAfter) return false;
            foreach (ReceiptMark receipt in _receipts)
            {
                if (receipt.Position > after && receipt.Position <= upTo) into.Add(receipt);
            }

            return true;
        }
    }

    private readonly record struct Notifying(
        EventNid Nid, EventNid ThreadRoot, string? UserId, string Sender, bool IsMessage, int Notifications,
        int Highlights)
    {
        public EventNid RedactedBy { get; init; }

        public bool NotifiesAsOf(EventNid asOf) =>
            (Notifications | Highlights) != 0 && (RedactedBy.IsNone || RedactedBy.Value > asOf.Value);
    }

    private void TouchMembers(long position, long ephemeral, List<UserStream> wake)
    {
        foreach (RoomSubscription subscription in CollectionsMarshal.AsSpan(_members))
        {
            subscription.Stream.Touch(subscription, position, ephemeral, wake);
        }
    }
}
