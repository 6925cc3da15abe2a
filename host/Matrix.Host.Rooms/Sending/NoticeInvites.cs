using Matrix.Core.Event;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.ServerNotices;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Invites to the rooms of server notices. v1.19 client-server-api#server-notices</summary>
internal sealed class NoticeInvites(ServerNoticesTable serverNoticesTable, IMembershipsTable membershipsTable)
{
    internal static RoomFailure CannotReject { get; } = new(
        RoomFailureKind.CannotLeaveServerNoticeRoom, "Invites to the room of server notices cannot be rejected.");

    /// <summary>Whether a room is that of the user's server notices, and they have not joined it yet.</summary>
    internal async ValueTask<bool> IsInvitedAsync(string userId, RoomSnapshot room, CancellationToken stop) =>
        !room.Local.IsJoined(userId)
        && room.State.Find(EventTypes.Member, userId) is not null
        && await serverNoticesTable.FindAsync(userId, stop) == room.Room.Nid
        && await membershipsTable.FindAsync(room.Room.Nid, userId, stop)
            is { Membership: Membership.Invite };
}
