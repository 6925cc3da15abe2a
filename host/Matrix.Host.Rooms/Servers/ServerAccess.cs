using Matrix.Core.Event;
using Matrix.Core.Federation;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Servers;

/// <summary>Decides which rooms another server may read and send to.</summary>
public sealed class ServerAccess(RoomSnapshots rooms, EventStore events, IMembershipsTable membershipsTable)
{
    /// <summary>
    /// The room that a server may read: it has a joined user there, and the room's list allows it. Servers that have
    /// none get the same answer whether or not the room is known here.
    /// </summary>
    public async ValueTask<RoomResult<RoomSnapshot>> ReadAsync(string server, string roomId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot
            || !await IsJoinedAsync(server, snapshot, stop))
        {
            return NotInRoom;
        }

        return await DeniesAsync(server, snapshot, stop) ? Denied : snapshot;
    }

    /// <summary>Whether a server has a joined user in a room.</summary>
    public ValueTask<bool> IsJoinedAsync(string server, RoomSnapshot snapshot, CancellationToken stop) =>
        membershipsTable.IsJoinedAsync(snapshot.Room.Nid, server, stop);

    /// <summary>Whether a user of a server is invited to a room.</summary>
    public ValueTask<bool> IsInvitedAsync(string server, RoomSnapshot snapshot, CancellationToken stop) =>
        membershipsTable.IsInvitedAsync(snapshot.Room.Nid, server, stop);

    /// <summary>
    /// The room for which a server may send EDUs: a local user is joined, and the room's list allows the server. Null
    /// otherwise.
    /// </summary>
    public async ValueTask<RoomSnapshot?> ForEdusAsync(string server, string roomId, CancellationToken stop) =>
        await rooms.FindAsync(roomId, stop) is { IsResident: true } snapshot
        && !await DeniesAsync(server, snapshot, stop)
            ? snapshot
            : null;

    /// <summary>Whether a user is joined to a room.</summary>
    public async ValueTask<bool> IsUserJoinedAsync(string userId, RoomSnapshot snapshot, CancellationToken stop)
    {
        if (snapshot.State.Find(EventTypes.Member, userId) is not { } entry) return false;
        var nid = EventNid.Of(snapshot.Room.Nid, entry.Ordinal);
        return await events.GetAsync(snapshot.Room, nid, stop) is { Membership: "join" };
    }

    /// <summary>
    /// Whether the room's access control list denies a server. v1.19 server-server-api#server-access-control-lists-acls
    /// </summary>
    public async ValueTask<bool> DeniesAsync(string server, RoomSnapshot snapshot, CancellationToken stop)
    {
        if (snapshot.State.Find(EventTypes.ServerAcl, "") is not { } entry) return false;
        var nid = EventNid.Of(snapshot.Room.Nid, entry.Ordinal);
        return await events.GetAsync(snapshot.Room, nid, stop) is { } acl
            && !ServerAcl.Of(acl.Pdu.Content).Allows(server);
    }

    /// <summary>The failure of a room that this server does not know.</summary>
    public static RoomFailure Unknown { get; } = new(RoomFailureKind.NotFound, "This server does not know the room.");

    /// <summary>The failure of a room whose list denies the server.</summary>
    public static RoomFailure Denied { get; } = new(
        RoomFailureKind.Forbidden, "The room's access control list denies your server.");

    private static RoomFailure NotInRoom { get; } = new(
        RoomFailureKind.Forbidden, "Your server has no user in the room.");
}
