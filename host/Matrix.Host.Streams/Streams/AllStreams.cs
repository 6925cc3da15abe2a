using Matrix.Host.Storage.Commits;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.AccountData;
using Matrix.Host.Streams.Streams.DeviceLists;
using Matrix.Host.Streams.Streams.Memberships;
using Matrix.Host.Streams.Streams.Receipts;
using Matrix.Host.Streams.Streams.StrippedRooms;
using Matrix.Host.Streams.Streams.Threads;
using Matrix.Host.Streams.Streams.Timelines;
using Matrix.Host.Streams.Streams.ToDevice;
using Matrix.Host.Streams.Streams.Typing;
using Matrix.Host.Streams.Streams.Unread;

namespace Matrix.Host.Streams.Streams;

/// <summary>The list of the streams that read commits; `PresenceStream` reads none, and is registered alone.</summary>
internal static class AllStreams
{
    /// <summary>The streams of sync, in the order in which they read a flush.</summary>
    public static IReadOnlyList<IChangeConsumer> Of(
        Notifier notifier, TypingBoard typing, UnreadCounter unread, RoomWatches watches) =>
    [
        notifier,

        // A user who joins in a flush must be a member before the room is touched.
        new MembershipStream(notifier),
        new StrippedRoomStream(notifier),
        new UnreadStream(notifier, unread),
        new TimelineStream(notifier),
        new ReceiptStream(notifier),
        typing,
        new AccountDataStream(notifier),
        new ThreadSubscriptionStream(notifier),
        new ToDeviceStream(notifier),
        new DeviceListStream(notifier),
        watches,
    ];
}
