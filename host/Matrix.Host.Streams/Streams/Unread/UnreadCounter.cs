using Matrix.Core.Sync;
using Matrix.Host.Rooms.Notifications;
using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.Unread;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Unread;

/// <summary>
/// Counts unread events after the user's read positions. Events that notify by default are counted from the events, and
/// a user's own rows record where their rules differ. A user's own message marks its thread as read up to it. A
/// redacted event does not count from its redaction on. Counts are cached, and continue with what the notifier has seen
/// since. v1.19 client-server-api#receiving-notifications, v1.19 client-server-api#marking-notifications-as-read
/// </summary>
internal sealed class UnreadCounter(
    IEventsTable eventsTable,
    ReceiptsTable receiptsTable,
    UnreadTable unreadTable,
    Notifier notifier,
    SyncOptions options)
{
    private readonly ByteCache<(string UserId, RoomNid Room), UnreadEntry> _entries = new(
        options.UnreadCacheBytes, static _ => 800);

    /// <summary>Counts purges, by a stripe of rooms: counts that were made before one are not used.</summary>
    private readonly int[] _purges = new int[1024];

    /// <summary>Bytes in the cache.</summary>
    public long CachedBytes => _entries.Bytes;

    /// <summary>The unread counts of a joined user in a room, up to an event.</summary>
    /// <param name="joined">Reads the event by which the user joined: nothing before it counts. Called only if the user
    /// has no receipt in the room.</param>
    public async ValueTask<UnreadCounts> OfAsync(
        RoomIdentity room, string userId, Func<ValueTask<EventNid>> joined, EventNid through, CancellationToken stop)
    {
        var purges = Volatile.Read(ref Purges(room.Nid));
        if (!_entries.TryGet((userId, room.Nid), out var entry) || entry.Purges != purges)
        {
            _entries.Put((userId, room.Nid), entry = new UnreadEntry { Purges = purges });
        }

        await entry.Gate.WaitAsync(stop);
        try
        {
            if (!entry.IsFilled || entry.Through.Value > through.Value)
            {
                // Not counted yet, or counted further than asked: the latter happens when two devices overtake each
                // other.
                var fresh = entry.IsFilled ? new UnreadEntry() : entry;
                await FillAsync(fresh, room, userId, joined, through, stop);
                return fresh.ToCounts();
            }

            await AdvanceAsync(entry, room, userId, through, stop);
            foreach (var (thread, upTo) in entry.TakeReceipts())
            {
                await ReadAsync(entry, room, userId, thread, upTo, stop);
            }

            return entry.ToCounts();
        }
        catch
        {
            _entries.Remove((userId, room.Nid));
            throw;
        }
        finally
        {
            entry.Gate.Release();
        }
    }

    /// <summary>A receipt moved. Called when it is durable.</summary>
    public void Read(string userId, RoomNid room, string thread, EventNid upTo)
    {
        if (_entries.TryGet((userId, room), out var entry) && !entry.Read(thread, upTo))
        {
            _entries.Remove((userId, room));
        }
    }

    /// <summary>The user's membership changed: drops the counts.</summary>
    public void Forget(string userId, RoomNid room) => _entries.Remove((userId, room));

    /// <summary>Events of a room were deleted: drops the counts of all users there.</summary>
    public void Forget(RoomNid room) => Interlocked.Increment(ref Purges(room));

    /// <summary>Drops all counts.</summary>
    public void ForgetAll() => _entries.Clear();

    private ref int Purges(RoomNid room) => ref _purges[(uint)room.Value % _purges.Length];

    private async ValueTask FillAsync(
        UnreadEntry entry, RoomIdentity room, string userId, Func<ValueTask<EventNid>> joined, EventNid through,
        CancellationToken stop)
    {
        // Receipts that move meanwhile are applied on their own.
        var receipts = await receiptsTable.OfUserAsync(room.Nid, userId, stop);
        long all = receipts.Where(receipt => receipt.ThreadId.Length == 0).Select(receipt => receipt.Event.Value)
            .DefaultIfEmpty().Max();
        entry.Begin(all > 0 ? new EventNid(all) : await joined());
        await AdvanceAsync(entry, room, userId, through, stop);
        foreach (var receipt in receipts)
        {
            if (receipt.ThreadId.Length > 0)
            {
                await ReadAsync(entry, room, userId, receipt.ThreadId, receipt.Event, stop);
            }
        }

        entry.IsFilled = true;
    }

    private async ValueTask ReadAsync(
        UnreadEntry entry, RoomIdentity room, string userId, string threadId, EventNid upTo, CancellationToken stop)
    {
        EventNid? thread = null;
        if (threadId == ReceiptTypes.MainThread)
        {
            thread = EventNid.None;
        }
        else if (threadId.Length > 0)
        {
            var roots = await eventsTable.NidsAsync(room.Nid, [threadId], stop);
            if (!roots.TryGetValue(threadId, out var root)) return;
            thread = root;
        }

        if (upTo.Value > entry.Through.Value)
        {
            // The count has not come that far: all of it is read, and the rest is checked when it is counted.
            _ = entry.Read(threadId, upTo);
            upTo = entry.Through;
        }

        await ReadAsync(entry, room, userId, thread, upTo, stop);
    }

    /// <summary>Applies a receipt in one thread or (null) in all.</summary>
    private async ValueTask ReadAsync(
        UnreadEntry entry, RoomIdentity room, string userId, EventNid? thread, EventNid upTo, CancellationToken stop)
    {
        if (upTo.Value <= (thread is { } one ? entry.Positions.Of(one.Value) : entry.Positions.Unthreaded)) return;
        var end = entry.StretchEnd(upTo);
        if (upTo == end)
        {
            entry.Cut(upTo, []);
        }
        else if (!end.IsNone)
        {
            var rest = new NotifyingByThread();
            if (notifier.Room(room.Nid)?.TryUnread(upTo, end, entry.Through, userId, rest.Plus, null, out _) != true)
            {
                rest = (await CountAsync(room, userId, upTo, end, entry.Through, stop)).Counts;
            }

            entry.Cut(upTo, rest);
        }

        entry.Advance(thread, upTo);
        entry.Tidy();
    }

    /// <summary>
    /// Counts on from the end of the entry, from the notifier's memory if it reaches that far back. A user's own
    /// message reads what came before it in its thread.
    /// </summary>
    private async ValueTask AdvanceAsync(
        UnreadEntry entry, RoomIdentity room, string userId, EventNid through, CancellationToken stop)
    {
        if (through.Value <= entry.Through.Value) return;
        var own = new Dictionary<EventNid, EventNid>();
        var (before, redacted) = (entry.Through, true);
        void Said(EventNid thread, EventNid said) => own[thread] = said;
        if (notifier.Room(room.Nid) is { } stream
            && stream.TryUnread(before, through, through, userId, entry.Add, Said, out redacted))
        {
            entry.Reached(through);
        }
        else
        {
            (var counts, own) = await CountAsync(room, userId, before, through, through, stop);
            entry.Add(through, counts);
            redacted = true;
        }

        if (redacted && entry.First.Value < before.Value)
        {
            await RedactAsync(entry, userId, before, through, stop);
        }

        foreach (var (thread, said) in own)
        {
            await ReadAsync(entry, room, userId, (EventNid?)thread, said, stop);
        }
    }

    /// <summary>Subtracts counted events that were redacted by events after one and up to another.</summary>
    private async ValueTask RedactAsync(
        UnreadEntry entry, string userId, EventNid after, EventNid through, CancellationToken stop)
    {
        var redacted = await unreadTable
            .RedactedAsync(userId, entry.First, after, through, stop);
        foreach (var gone in redacted)
        {
            var (notifications, highlights) = NotifyingByThread.Of(gone.Kind);
            if ((gone.NotifyClass & PushEvaluation.NotifiesMost) != 0 && gone.Sender != userId) notifications++;
            entry.Redact(gone.Event, gone.ThreadRoot, notifications, highlights);
        }
    }

    /// <summary>
    /// The user's notifications after one event and up to another, and their own last message, by thread.
    /// </summary>
    private async ValueTask<(NotifyingByThread Counts, Dictionary<EventNid, EventNid> Own)> CountAsync(
        RoomIdentity room, string userId, EventNid after, EventNid through, EventNid asOf, CancellationToken stop)
    {
        var counts = new NotifyingByThread();
        var own = new Dictionary<EventNid, EventNid>();
        foreach (var notifying in await unreadTable
            .CountNotifyingAsync(room.Nid, after, through, asOf, PushEvaluation.NotifiesMost, userId, stop))
        {
            counts.Plus(notifying.ThreadRoot, notifying.Count, 0);
            if (!notifying.LastOwn.IsNone) own[notifying.ThreadRoot] = notifying.LastOwn;
        }

        foreach (var row in await unreadTable.RowsAsync(userId, room.Nid, after, asOf, stop))
        {
            if (row.Event.Value > through.Value) continue;
            var (notifications, highlights) = NotifyingByThread.Of(row.Kind);
            counts.Plus(row.ThreadRoot, notifications, highlights);
        }

        return (counts, own);
    }
}
