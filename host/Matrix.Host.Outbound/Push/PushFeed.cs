using Matrix.Host.Rooms.Notifications;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Outbound.Push;

/// <summary>
/// Takes from commits what concerns users with pushers, and keeps it in a line until it is handled. If the line is too
/// long, or a commit was missed, the line is dropped: the changes are read from the database.
/// </summary>
internal sealed class PushFeed(PusherIndex index, IStorageWriter writer, PushOptions options)
    : IChangeConsumer, IDisposable
{
    private const EventMarks NotLive = StoredEvent.Hidden | EventMarks.Backfilled;

    private readonly Lock _gate = new();
    private readonly SemaphoreSlim _news = new(0, 1);
    private readonly Queue<PushFlush> _waiting = new();
    private bool _mustRead = true;
    private int _waitingChanges;
    private long _seen;
    private long _changed;
    private bool _wakesOnChange;
    private bool _isDisposed;

    // Of the flush that is being committed; used on the writer's thread only.
    private List<EventRow> _events = [];
    private List<(string UserId, RoomNid Room)> _read = [];
    private List<PusherName> _set = [];
    private List<RoomNid> _recounted = [];
    private List<PushedInvite> _invites = [];
    private Dictionary<EventNid, List<(string, UnreadKind)>> _rows = [];

    /// <summary>
    /// The position before the first commit of this process: a server without a position of pushes begins here, however
    /// long its start takes.
    /// </summary>
    internal long Beginning { get; } = writer.PublishedPosition;

    /// <summary>Commits that wait.</summary>
    internal int Waiting
    {
        get
        {
            lock (_gate) return _waiting.Count;
        }
    }

    /// <summary>The position of the last commit that was taken.</summary>
    internal long Seen
    {
        get
        {
            lock (_gate) return _seen;
        }
    }

    /// <summary>
    /// Waits until there may be something. Not for longer than a time if something is to be done then, such as a record
    /// of changes that nobody was sent.
    /// </summary>
    internal Task WaitAsync(long recorded, bool isMore, TimeSpan atMost, CancellationToken stop)
    {
        var isIdle = false;
        lock (_gate) _wakesOnChange = isIdle = !isMore && _changed <= recorded;
        return _news.WaitAsync(isIdle ? Timeout.InfiniteTimeSpan : atMost, stop);
    }

    /// <summary>
    /// The position up to which changes must be read from the database, before the line is taken; null if none is
    /// missing.
    /// </summary>
    internal long? TakeMissed()
    {
        lock (_gate)
        {
            if (!_mustRead) return null;
            _mustRead = false;

            // What the line had is durable, and at or before the published position.
            _waiting.Clear();
            _waitingChanges = 0;
            return _seen = writer.PublishedPosition;
        }
    }

    /// <summary>The first commit in line. It stays there until it is <see cref="Handled"/>.</summary>
    internal PushFlush? Next()
    {
        lock (_gate) return !_mustRead && _waiting.TryPeek(out var flush) ? flush : null;
    }

    /// <summary>The first commit was handled.</summary>
    internal void Handled(PushFlush flush)
    {
        lock (_gate)
        {
            if (!_waiting.TryPeek(out var first) || !ReferenceEquals(first, flush)) return;
            _waiting.Dequeue();
            _waitingChanges -= flush.Size;
        }
    }

    /// <summary>The position that was handled if nothing waits; null if something does.</summary>
    internal long? IdleAt()
    {
        lock (_gate) return _mustRead || _waiting.Count > 0 ? null : _seen;
    }

    /// <summary>
    /// The position of the last commit with anything to read again after a crash. A record of the position has nothing.
    /// </summary>
    internal long Changed
    {
        get
        {
            lock (_gate) return _changed;
        }
    }

    /// <summary>What was handled may not have been stored: changes are read again.</summary>
    internal void Miss()
    {
        lock (_gate)
        {
            _mustRead = true;
            WakeWaiting();
        }
    }

    /// <summary>Wakes the task that handles changes.</summary>
    internal void Wake()
    {
        lock (_gate) WakeWaiting();
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        switch (change)
        {
            case PusherSet set:
                var name = new PusherName(set.PusherId, set.Pusher.UserId, set.Pusher.Kind);
                index.Add(name);
                if (name.Kind == PusherKind.Email) _set.Add(name);
                break;
            case EventsAppended appended:
                for (var i = 0; i < appended.Events.Count; i++)
                {
                    if ((appended.Events[i].Row.Marks & NotLive) == 0) _events.Add(appended.Events[i].Row);
                }

                break;
            case UnreadAdded row when index.Has(row.UserId):
                if (!_rows.TryGetValue(row.Event, out var rows)) _rows.Add(row.Event, rows = []);
                rows.Add((row.UserId, row.Kind));
                break;
            case ReceiptMoved { IsLocal: true } receipt when index.Has(receipt.UserId):
                _read.Add((receipt.UserId, receipt.Room));
                break;
            case MembershipChanged { IsLocal: true } changed when index.Has(changed.UserId):
                _read.Add((changed.UserId, changed.Room));
                break;
            case StrippedRoomEntered { Room.Membership: Membership.Invite } entered when index.Has(entered.UserId):
                _invites.Add(new PushedInvite(entered.UserId, entered.Room.RoomId, position));
                break;
            case EventRedacted redacted:
                _recounted.Add(redacted.Nid.Room);
                break;
            case HistoryPurged purged:
                _recounted.Add(purged.Room);
                break;
        }
    }

    /// <inheritdoc/>
    public void End(long through)
    {
        var isChange = _events.Count + _read.Count + _set.Count + _recounted.Count + _invites.Count > 0;
        var flush = Collect(through);
        lock (_gate)
        {
            if (isChange) _changed = through;
            if (_mustRead)
            {
                WakeWaiting();
                return;
            }

            _seen = Math.Max(_seen, through);
            if (flush.IsEmpty)
            {
                if (isChange && _wakesOnChange) WakeWaiting();
                return;
            }

            if (_waiting.Count >= options.MaxWaitingFlushes
                || (_waiting.Count > 0 && _waitingChanges + flush.Size > options.MaxWaitingChanges))
            {
                _mustRead = true;
            }
            else
            {
                _waiting.Enqueue(flush);
                _waitingChanges += flush.Size;
            }

            WakeWaiting();
        }
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        Drop();
        Miss();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _isDisposed = true;
            _news.Dispose();
        }
    }

    /// <summary>An event as it was stored, with the outcomes of users with pushers.</summary>
    internal static PushedEvent EventOf(EventRow row, IReadOnlyList<(string UserId, UnreadKind Kind)>? rows) => new(
        row.Nid, row.Position, row.Sender, (row.Marks & EventMarks.State) == 0,
        (row.NotifyClass & PushEvaluation.NotifiesMost) != 0, rows ?? []);

    private PushFlush Collect(long through)
    {
        var hasPushers = _events.Count + _recounted.Count > 0 && index.Users > 0;
        List<PushedEvent> events = [];
        if (hasPushers)
        {
            foreach (var row in _events)
            {
                var pushed = EventOf(row, _rows.GetValueOrDefault(row.Nid));
                if (pushed.NotifiesMost || pushed.Rows.Count > 0 || (pushed.IsMessage && index.Has(row.Sender)))
                {
                    events.Add(pushed);
                }
            }
        }

        var flush = new PushFlush(
            through, events, _read.Count == 0 ? [] : _read, _set.Count == 0 ? [] : _set,
            hasPushers && _recounted.Count > 0 ? [.. _recounted.Distinct()] : [], _invites.Count == 0 ? [] : _invites);
        Drop();
        return flush;
    }

    private void Drop()
    {
        if (_events.Count > 0) _events = [];
        if (_read.Count > 0) _read = [];
        if (_set.Count > 0) _set = [];
        if (_recounted.Count > 0) _recounted = [];
        if (_invites.Count > 0) _invites = [];
        if (_rows.Count > 0) _rows = [];
    }

    private void WakeWaiting()
    {
        if (!_isDisposed && _news.CurrentCount == 0) _news.Release();
    }
}
