using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Users.AccountData;

/// <summary>The rooms in which a user may have account data.</summary>
public sealed class AccountDataRooms(RoomsTable roomsTable, IMembershipsTable membershipsTable)
{
    /// <summary>Users who never were in a room get the same failure whether or not the room exists.</summary>
    internal static UserFailure Unknown { get; } = new(
        UserFailureKind.NotFound, "You are not in this room, or this server does not know it.");

    /// <summary>
    /// The room of an id; no room for no id. It is unknown if this server has no such room, or if the room's state has
    /// no membership of the user.
    /// </summary>
    internal async ValueTask<(RoomNid? Room, bool IsKnown)> FindAsync(
        string userId, string? roomId, CancellationToken stop)
    {
        if (roomId is null) return (null, true);
        if (await roomsTable.FindAsync(roomId, stop) is not { } row) return (null, false);
        var member = await membershipsTable.FindAsync(row.Nid, userId, stop);
        return member is null ? (null, false) : (row.Nid, true);
    }
}
