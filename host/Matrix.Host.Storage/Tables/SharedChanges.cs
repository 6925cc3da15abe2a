using Matrix.Host.Storage.Formats;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Host.Storage.Tables.Profiles;
using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.RateLimits;
using Matrix.Host.Storage.Tables.Receipts;
using Matrix.Host.Storage.Tables.RoomRows;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Host.Storage.Tables.Shards;
using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Host.Storage.Tables.StagedEvents;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Matrix.Host.Storage.Tables.ThreadSubscriptions;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Storage.Tables.Unread;

namespace Matrix.Host.Storage.Tables;

/// <summary>
/// The kinds of changes that consumers of other nodes get, as bytes. A kind is either here or in
/// <see cref="UnsharedChanges"/>. A number is never given to another kind; the next one is 74.
/// </summary>
internal static class SharedChanges
{
    /// <summary>The formats of the kinds.</summary>
    public static ChangeFormats Formats { get; } = new(
    [
        .. AccountDataChangeFormats.All,
        .. AccountChangeFormats.All,
        .. AliasChangeFormats.All,
        .. DeviceUpdateChangeFormats.All,
        .. EventChangeFormats.All,
        .. GuestChangeFormats.All,
        .. KeyChangeFormats.All,
        .. MediaChangeFormats.All,
        .. MembershipChangeFormats.All,
        .. OutboundMessageChangeFormats.All,
        .. ProfileChangeFormats.All,
        .. PusherChangeFormats.All,
        .. RateLimitChangeFormats.All,
        .. ReceiptChangeFormats.All,
        .. RoomRowsChangeFormats.All,
        .. RoomChangeFormats.All,
        .. ShardChangeFormats.All,
        .. SingleSignOnChangeFormats.All,
        .. StagedEventChangeFormats.All,
        .. StrippedRoomChangeFormats.All,
        .. ThreadSubscriptionChangeFormats.All,
        .. ToDeviceChangeFormats.All,
        .. UnreadChangeFormats.All,
    ]);
}
