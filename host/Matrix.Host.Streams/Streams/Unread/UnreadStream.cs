using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.Unread;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.Unread;

/// <summary>Unread counts: events that notify, read positions, and the end of such events.</summary>
internal sealed class UnreadStream(Notifier notifier, UnreadCounter counter) : IChangeConsumer
{
    public void OnChange(Change change, long position)
    {
        switch (change)
        {
            case EventsAppended appended:
                for (var i = 0; i < appended.Events.Count; i++) Take(appended.Events[i].Row);
                break;
            case EventRedacted redacted:
                notifier.Room(redacted.Nid.Room)?.Redacted(redacted.Nid, redacted.By);
                break;
            case EventsPurged purged:
                notifier.Room(purged.Room)?.Purged(purged.Events);
                counter.Forget(purged.Room);
                break;
            case HistoryPurged purged:
                counter.Forget(purged.Room);
                notifier.Room(purged.Room)?.TouchCounts(position, notifier.Ephemeral, notifier.ToWake);
                break;
            case UnreadAdded row:
                var (notifications, highlights) = NotifyingByThread.Of(row.Kind);
                notifier.Room(row.Event.Room)?.Notify(row.Event, row.ThreadRoot, row.UserId, notifications, highlights);
                break;
            case ReceiptMoved receipt:
                counter.Read(receipt.UserId, receipt.Room, receipt.ThreadId, receipt.Event);
                break;
            case MembershipChanged { IsLocal: true } changed when changed.After != Membership.Join:
                counter.Forget(changed.UserId, changed.Room);
                break;
        }
    }

    public void Missed(long through)
    {
        counter.ForgetAll();
        notifier.ForgetAll(through);
    }

    private void Take(EventRow row)
    {
        if ((row.Marks & EventStore.Hidden) != 0) return;
        var isMessage = (row.Marks & EventMarks.State) == 0;
        if (!isMessage && row.NotifyClass == 0) return;
        notifier.Room(row.Nid.Room)?.Happened(row.Nid, row.ThreadRoot, row.Sender, isMessage, row.NotifyClass != 0);
    }
}
