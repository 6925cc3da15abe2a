using Matrix.Host.Storage.Commits;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams;

/// <summary>The one list of streams.</summary>
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
