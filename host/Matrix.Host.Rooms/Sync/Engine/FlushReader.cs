using Matrix.Host.Rooms.Receipts;
using Matrix.Host.Rooms.Sync.Board;
using Matrix.Host.Rooms.Typing;
using Matrix.Host.Rooms.Unread;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Storage.Tables.Unread;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Rooms.Sync.Engine;

/// <summary>
/// Takes every flush in: what each operation means for whom. On the writer's thread, so all it does is touch memory; what it allocates
/// is kept and used again.
/// </summary>
internal sealed class FlushReader(SyncBoard board, TypingBoard typing, UnreadCounter unread, PushRuleCache rules) : ICommitObserver
{
    private readonly List<UserFeed> _wake = [];

    /// <inheritdoc/>
    public void Committed(in CommittedFlush flush)
    {
        board.Begin(flush.LastPosition);
        foreach (var set in flush.Sets) Take(set);
        board.Publish(flush.LastPosition, _wake);
    }

    private void Take(WriteSet set)
    {
        RoomHeader? header = null;
        RoomNid room = default;
        foreach (var operation in set.Preconditions) Take(operation, set.Position);
        foreach (var operation in set.Operations)
        {
            if (operation is ConditionalOperation { Applied: false }) continue;
            switch (operation)
            {
                case CreateRoom created:
                    TouchRoom(set.Position, room, header);
                    (room, header) = (created.Nid, created.Header);
                    break;
                case PutRoomHeader put:
                    if (put.Nid != room) TouchRoom(set.Position, room, header);
                    (room, header) = (put.Nid, put.Header);
                    break;
                case AdvanceRoom advanced:
                    if (advanced.Nid != room) TouchRoom(set.Position, room, header);
                    (room, header) = (advanced.Nid, advanced.Header);
                    break;
                default:
                    Take(operation, set.Position);
                    break;
            }
        }

        // Last, so that whoever joined with this set is among the members by now.
        TouchRoom(set.Position, room, header);
    }

    private void Take(WriteOperation operation, long position)
    {
        switch (operation)
        {
            case SetMembership { IsLocal: true } set:
                Stand(set.UserId, set.Room, StandingOf(set.Membership), position);
                break;
            case RemoveMembership removed:
                Stand(removed.UserId, removed.Room, Standing.Left, position);
                break;
            case PutReceipt receipt:
                board.Room(receipt.Room)?.Touch(
                    new ReceiptMark(position, receipt.UserId, receipt.Type, receipt.ThreadId, receipt.EventId, receipt.Timestamp),
                    receipt.Type == ReceiptTypes.ReadPrivate,
                    board.Ephemeral,
                    _wake);
                unread.Read(receipt.UserId, receipt.Room, receipt.ThreadId, receipt.Event);
                break;
            case InsertEvent inserted:
                bool isMessage = (inserted.Standing & EventStanding.State) == 0;
                if (!isMessage && inserted.NotifyClass == 0) break;
                board.Room(inserted.Nid.Room)?.Happened(
                    inserted.Nid, inserted.ThreadRoot, inserted.Sender, isMessage, inserted.NotifyClass != 0);
                break;
            case MarkRedacted redacted:
                board.Room(redacted.Nid.Room)?.Redacted(redacted.Nid, redacted.By);
                break;
            case InsertUnread row:
                var (notifications, highlights) = NotifyingByThread.Of(row.Kind);
                board.Room(row.Event.Room)?.Notify(row.Event, row.ThreadRoot, row.UserId, notifications, highlights);
                break;
            case PutAccountData put:
                if (put.Type == PushRuleCache.Type) rules.Changed(put.UserId);
                board.Touched(put.UserId)?.TouchAccountData(put.Room, position, board.Ephemeral, _wake);
                break;
            case SendToDevice sent:
                board.Touched(sent.UserId)?.TouchDevice(sent.DeviceId, position, static (device, at) => device.TouchToDevice(at), _wake);
                break;
            case PutOneTimeKey key:
                TouchKeys(key.UserId, key.DeviceId, position);
                break;
            case PutFallbackKey key:
                TouchKeys(key.UserId, key.DeviceId, position);
                break;
            case ClaimKey claimed:
                TouchKeys(claimed.UserId, claimed.DeviceId, position);
                break;
            case LogDeviceListChange changed:
                board.DeviceListChanged(changed.UserId, changed.OnlyFor, position, _wake);
                break;
        }
    }

    private void TouchKeys(string userId, string deviceId, long position) =>
        board.Touched(userId)?.TouchDevice(deviceId, position, static (device, at) => device.TouchKeys(at), _wake);

    private void Stand(string userId, RoomNid room, Standing standing, long position)
    {
        if (board.Touched(userId) is { } feed) board.Stand(feed, room, standing, position, _wake);
        if (standing == Standing.Joined) return;
        unread.Forget(userId, room);
        typing.Stop(room, userId);
    }

    private void TouchRoom(long position, RoomNid room, RoomHeader? header)
    {
        if (header is null || board.Room(room) is not { } feed) return;
        feed.Touch(RoomMoment.Of(room, header, position), board.Ephemeral, _wake);
    }

    private static Standing StandingOf(Membership membership) => membership switch
    {
        Membership.Join => Standing.Joined,
        Membership.Invite => Standing.Invited,
        _ => Standing.Left,
    };
}
