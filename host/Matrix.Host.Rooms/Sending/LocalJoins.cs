using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Joins of rooms that are here. v1.19 client-server-api#joining-rooms</summary>
internal sealed class LocalJoins(
    RoomSnapshots rooms,
    PolicyLists policies,
    RoomLanes lanes,
    EventAppender appender,
    RestrictedJoins restricted,
    MemberContents contents,
    ProfilePropagation profiles,
    ILocalUsers users,
    RoomCommands commands)
{
    /// <summary>
    /// Joins a room, which another node may have, without other servers. Nothing changes if the user is joined already.
    /// </summary>
    /// <param name="userId">The user.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="reason">The event's `reason`; null for none.</param>
    /// <param name="invitationToken">The token of a third-party invite, which the room's state must have; null for
    /// none.</param>
    /// <returns>The room's id.</returns>
    internal ValueTask<RoomResult<string>> JoinAsync(
        string userId, string roomId, string? reason, CancellationToken stop, string? invitationToken = null) =>
        commands.RunAsync(
            roomId,
            () => JoinHereAsync(userId, roomId, reason, stop, invitationToken),
            () => new JoinRoom(roomId, userId, userId, [], reason, invitationToken, IsLocal: true),
            stop);

    /// <summary>Joins a room whose shard is open here.</summary>
    /// <inheritdoc cref="JoinAsync"/>
    internal async ValueTask<RoomResult<string>> JoinHereAsync(
        string userId, string roomId, string? reason, CancellationToken stop, string? invitationToken = null)
    {
        if (await rooms.FindAsync(roomId, stop) is not { } snapshot) return RoomFailure.Unknown;
        if (snapshot.Local.IsJoined(userId)) return roomId;
        if (await policies.RefusedJoinAsync(userId, roomId, stop) is { } refused) return refused;
        if (invitationToken is not null && snapshot.State.Find(EventTypes.ThirdPartyInvite, invitationToken) is null)
        {
            return snapshot.State.Find(EventTypes.Member, userId) is null
                ? RoomFailure.Unknown
                : new RoomFailure(RoomFailureKind.Forbidden, "The room has no third-party invite with that token.");
        }

        var content = await contents.OfAsync(userId, "join", reason, stop);
        var joined = await SetAsync(snapshot, userId, content, keepIfJoined: true, null, stop);
        if (!joined.IsOk) return joined.Failure;
        await profiles.JoinedAsync(userId, content);
        return roomId;
    }

    private static RoomFailure NotResident { get; } = new(
        RoomFailureKind.NotResident, "This server has no user in the room; others have.");

    /// <summary>
    /// Joins, or replaces the member event of a joined user. Decided in the lane's session: of several requests at once
    /// the first joins.
    /// </summary>
    internal async ValueTask<RoomResult<string>> SetAsync(
        RoomSnapshot snapshot, string userId, JsonObject content, bool keepIfJoined, long? timestamp,
        CancellationToken stop)
    {
        var isGuest = await IsGuestAsync(userId, stop);
        return await lanes.EnterAsync<string>(
            snapshot.Room.Nid,
            async session =>
            {
                if (session.Pending is { IsFederated: true, Local.Joined.Count: 0, JoinedCount: > 0 })
                {
                    return NotResident;
                }

                var member = await appender.State.EventAsync(session, EventTypes.Member, userId, stop);
                Membership? now = member is null ? null : LaneState.MembershipOf(member.Pdu);
                if (now == Membership.Join && keepIfJoined) return member!.EventId;
                // A client cannot choose the authorising user: this server's signature authorises the join.
                // A refusal is dropped: the rules refuse the join, and RoomJoins then asks other servers.
                var authority = await restricted.AuthoriseAsync(session, userId, stop);
                var joining = RestrictedJoins.WithAuthorisingUser(content, authority.User);
                if (now == Membership.Join && member!.Pdu.Content.Equals(joining)) return member.EventId;

                var draft = Draft.State(EventTypes.Member, userId, userId, joining);
                if (isGuest && !await GuestAccess.IsOpenAsync(appender.State, session, stop))
                {
                    // Who could not join as a user learns no more of the room as a guest.
                    return await appender.WouldRefuseAsync(session, draft, stop)
                        ?? GuestAccess.Closed;
                }

                var made = await appender.AppendAsync(session, draft, null, timestamp, stop);
                return made.IsOk ? made.Value.EventId : made.Failure;
            },
            stop);
    }

    /// <summary>Whether a local user is a guest.</summary>
    internal async ValueTask<bool> IsGuestAsync(string userId, CancellationToken stop) =>
        (await users.AccountAsync(userId, stop)).IsGuest;
}
