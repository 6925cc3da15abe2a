using Matrix.Core.Event;
using Matrix.Core.State;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Reading;

/// <summary>The part of a room that a user may read: up to now, or up to when they left.</summary>
/// <param name="Room">The room.</param>
/// <param name="Viewer">The user.</param>
/// <param name="Through">The last event that they may read.</param>
/// <param name="Member">Their member event; none if there never was one.</param>
/// <param name="HasRelations">Whether any event of the room relates to another.</param>
public sealed record Readable(RoomIdentity Room, Viewer Viewer, EventNid Through, EventNid Member, bool HasRelations)
{
    /// <summary>The state that they see.</summary>
    public StateTree State => Viewer.State;
}

/// <summary>
/// Decides which part of a room a user may read: members all of it, users who left the part before they left, everyone
/// a world-readable room. v1.19 client-server-api#room-history-visibility,
/// v1.19 client-server-api#getting-events-for-a-room
/// </summary>
public sealed class RoomAccess(
    RoomSnapshots rooms,
    StateReader current,
    RoomEnds ends,
    MembershipHistory history,
    IMembershipsTable memberships)
{
    private static readonly RoomFailure _notIn = new(
        RoomFailureKind.Forbidden, "You are not a member of this room, and never were.");

    private static readonly RoomFailure _noRoom = new(RoomFailureKind.NotFound, "This server has no such room.");

    /// <summary>The part of the room that the user may read; a failure if none.</summary>
    public async ValueTask<RoomResult<Readable>> OfAsync(string userId, string roomId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot) return _notIn;
        var room = snapshot.Room;
        var member = snapshot.State.Find(EventTypes.Member, userId) is { } entry
            ? EventNid.Of(room.Nid, entry.Ordinal)
            : EventNid.None;
        if (snapshot.Local.IsJoined(userId))
        {
            return new Readable(
                room, Viewer.Member(userId, snapshot.State), snapshot.LastEvent, member, snapshot.HasRelations);
        }

        var row = member.IsNone
            ? null
            : await memberships.FindAsync(room.Nid, userId, stop);
        var past = row is null or { Forgotten: true }
            ? null
            : await DepartureAsync(room, member, row.Position, stop);

        ReadableEnd? end = past is { } departure
            ? await ends.OfAsync(
                room,
                departure.Event,
                departure.IsLatest ? row!.Position : departure.Event.Row.Position,
                stop)
            : null;
        var joined = past is { } once ? once.Joined.Nid : EventNid.None;
        var through = end?.JoinedThrough ?? EventNid.None;
        if (await IsOpenAsync(snapshot, stop))
        {
            // The world-readable part, and the part that they saw while they were joined.
            return new Readable(
                room,
                new Viewer(userId, snapshot.State, false, joined, through),
                snapshot.LastEvent,
                member,
                snapshot.HasRelations);
        }

        return end is { } last
            ? new Readable(
                room,
                new Viewer(userId, last.State, false, joined, through),
                last.Through,
                member,
                snapshot.HasRelations)
            : _notIn;
    }

    /// <summary>All of a room, for an administrator of the server; a failure if this server does not know it.</summary>
    public async ValueTask<RoomResult<Readable>> AllOfAsync(string adminId, string roomId, CancellationToken stop) =>
        await rooms.FindAsync(roomId, stop) is { } snapshot
            ? new Readable(
                snapshot.Room,
                Viewer.Member(adminId, snapshot.State) with { SeesAll = true },
                snapshot.LastEvent,
                EventNid.None,
                snapshot.HasRelations)
            : _noRoom;

    private async ValueTask<bool> IsOpenAsync(RoomSnapshot snapshot, CancellationToken stop)
    {
        var setting = await current.ContentAsync(snapshot, EventTypes.HistoryVisibility, "", stop);
        return setting?.Text("history_visibility") == "world_readable";
    }

    /// <summary>
    /// The event that ended the user's last membership, whether it is still their member event, and the join before it;
    /// null if they never joined.
    /// </summary>
    private async ValueTask<(StoredEvent Event, bool IsLatest, StoredEvent Joined)?> DepartureAsync(
        RoomIdentity room, EventNid member, long since, CancellationToken stop)
    {
        var back = await history.BackAsync(room, member, since, stored => stored.Membership == "join", stop);
        return back.Count >= 2 && back[^1].Membership == "join" ? (back[^2], back.Count == 2, back[^1]) : null;
    }
}
