using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Administration;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Users.Administration;

namespace Matrix.Host.Api.Admin.ServerRooms;

/// <summary>What administrators do to rooms. Each act is in the audit log.</summary>
internal sealed class RoomModeration(RoomAdministration rooms, RoomAliasDirectory aliases, AuditLog audit)
{
    /// <summary>Blocks a room, or ends its block.</summary>
    internal ValueTask BlockAsync(AdminActor actor, string roomId, bool isBlocked, CancellationToken stop) =>
        rooms.BlockAsync(
            actor.Who,
            roomId,
            isBlocked,
            audit.Of(actor, isBlocked ? "room.block" : "room.unblock", roomId),
            stop);

    /// <summary>Gives a local user the power of the room's most powerful local member.</summary>
    internal async ValueTask<RoomFailure?> MakeAdminAsync(
        AdminActor actor, string roomId, string userId, CancellationToken stop)
    {
        var failure = await rooms.MakeAdminAsync(roomId, userId, stop);
        await audit.RecordAsync(actor, "room.make_admin", $"{roomId} {userId}", failure?.Message);
        return failure;
    }

    /// <summary>Deletes a local alias.</summary>
    internal async ValueTask<RoomFailure?> DeleteAliasAsync(AdminActor actor, string alias, CancellationToken stop)
    {
        var failure = await aliases.DeleteAsync(actor.Who, isAdmin: true, alias, stop);
        await audit.RecordAsync(actor, "room.delete_alias", alias, failure?.Message);
        return failure;
    }
}
