using Matrix.Core.Event;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>Stores invites of other servers, which the invited users are shown.</summary>
internal sealed class InviteStore(
    StrippedRoomsTable strippedRoomsTable, EventStore events, IStorageWriter writer, RoomsOptions options)
{
    /// <summary>
    /// Stores the invite, unless it has come into the room already, or has ended. The user leaves this form of the room
    /// when their membership in the room itself changes.
    /// </summary>
    internal async ValueTask<RoomFailure?> StoreAsync(
        RoomIdentity? room,
        string version,
        string origin,
        Pdu invite,
        ReadOnlyMemory<byte> state,
        CancellationToken stop)
    {
        var row = new StrippedRoomRow(
            invite.RoomId,
            version,
            origin,
            Membership.Invite,
            invite.Sender,
            invite.EventId,
            invite.Canonical,
            state,
            Position: 0);
        var entered = new StrippedRoomEntered(invite.StateKey!, row, options.MaxOpenInvites);
        var receipt = await writer.WriteAsync(new WriteBatch(Authority.Nobody, 1).Require(entered), stop);
        if (!receipt.Refused) return null;
        var known = await strippedRoomsTable.FindAsync(invite.StateKey!, invite.RoomId, stop);
        if (known is { IsOpen: false } && known.EndedId == invite.EventId)
        {
            return new RoomFailure(RoomFailureKind.Forbidden, "The invite was rejected, or taken back.");
        }

        return room is not null
            && await events.ByIdAsync(room, invite.EventId, stop) is not null
                ? null
                : new RoomFailure(RoomFailureKind.Forbidden, $"{invite.StateKey} has too many open invites.");
    }
}
