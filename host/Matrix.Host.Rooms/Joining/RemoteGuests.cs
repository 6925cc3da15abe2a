using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Summaries;

namespace Matrix.Host.Rooms.Joining;

/// <summary>
/// Whether a guest may join a room through other servers. These do not know who is a guest, so this server asks for the
/// room's summary before the join, and looks at the room's state after it. v1.19 client-server-api#guest-access
/// </summary>
internal sealed class RemoteGuests(
    RoomMemberships memberships,
    RoomSnapshots rooms,
    StateReader state,
    RemoteHierarchies hierarchies,
    RoomsOptions options,
    TimeProvider time)
{
    /// <summary>
    /// The servers through which a guest may join a room. Where local users are in the room, its state here decides;
    /// otherwise the first server that shows the room, and the guest joins through that one only.
    /// </summary>
    internal async ValueTask<RoomResult<string[]>> ServersAsync(
        string who, RoomSnapshot? snapshot, string roomId, IReadOnlyList<string> servers, CancellationToken stop)
    {
        if (snapshot is { IsResident: true })
        {
            if (await IsOpenAsync(snapshot, stop)) return servers.ToArray();
            return GuestAccess.Closed;
        }

        using var patience = new CancellationTokenSource(options.HierarchyTime, time);
        foreach (var server in servers)
        {
            var found = await hierarchies.FindAsync(who, roomId, [server], patience.Token, stop);
            if (found?.Room.Summary is not { } summary || summary.RoomId != roomId) continue;
            if (!summary.GuestsMayJoin) return GuestAccess.Closed;
            return new[] { server };
        }

        return RoomFailure.Unknown;
    }

    /// <summary>
    /// Makes a guest leave a room that they joined and that does not admit guests; null if it does. The other server's
    /// word may be old or wrong; the state that came with the join is the room's.
    /// </summary>
    internal async ValueTask<RoomFailure?> RefusedAsync(string userId, string roomId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot
            || await IsOpenAsync(snapshot, stop))
        {
            return null;
        }

        // Not cancelled: the guest is in the room.
        _ = await memberships.LeaveAsync(userId, roomId, null, CancellationToken.None, isDeparture: true);
        return GuestAccess.Closed;
    }

    private async ValueTask<bool> IsOpenAsync(RoomSnapshot snapshot, CancellationToken stop) => GuestAccess.IsOpen(
        await state.ContentAsync(snapshot, GuestAccess.EventType, "", stop));
}
