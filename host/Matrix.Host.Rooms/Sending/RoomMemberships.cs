using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Joins, invites, knocks, leaves, kicks and bans. v1.19 client-server-api#room-membership</summary>
public sealed class RoomMemberships
{
    private readonly RoomSnapshots _rooms;
    private readonly RoomSender _sender;
    private readonly LocalJoins _joins;
    private readonly MembershipChanges _changes;
    private readonly InviteRefusals _invites;
    private readonly IRemoteMemberships _remote;
    private readonly MemberContents _contents;
    private readonly PolicyLists _policies;
    private readonly NoticeInvites _notices;

    internal RoomMemberships(
        RoomSnapshots rooms,
        RoomSender sender,
        LocalJoins joins,
        MembershipChanges changes,
        InviteRefusals invites,
        IRemoteMemberships remote,
        MemberContents contents,
        PolicyLists policies,
        NoticeInvites notices)
    {
        _rooms = rooms;
        _sender = sender;
        _joins = joins;
        _changes = changes;
        _invites = invites;
        _remote = remote;
        _contents = contents;
        _policies = policies;
        _notices = notices;
    }

    /// <summary>Joins a room. Nothing changes if the user is joined already.</summary>
    /// <param name="userId">The user.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="reason">The event's `reason`; null for none.</param>
    /// <param name="invitationToken">The token of a third-party invite, which the room's state must have; null for
    /// none.</param>
    /// <returns>The room's id.</returns>
    public ValueTask<RoomResult<string>> JoinAsync(
        string userId, string roomId, string? reason, CancellationToken stop, string? invitationToken = null) =>
        _joins.JoinAsync(userId, roomId, reason, stop, invitationToken);

    /// <summary>Sends a member event as a client wrote it (`PUT …/state/m.room.member/…`).</summary>
    /// <returns>The event's id.</returns>
    public async ValueTask<RoomResult<string>> SetAsync(
        string sender, string roomId, string userId, JsonObject content, long? timestamp, CancellationToken stop)
    {
        var membership = content.Text("membership");
        var barred = membership switch
        {
            "invite" => await _invites.OfAsync(sender, userId, roomId, stop),
            "join" or "knock" when sender == userId =>
                await _policies.RefusedJoinAsync(userId, roomId, stop),
            _ => null,
        };
        if (barred is not null) return barred;

        if (membership == "invite" && _invites.IsRemote(userId))
        {
            return await InviteRemoteAsync(sender, roomId, userId, content, timestamp, stop);
        }

        if (membership == "leave"
            && sender == userId
            && await _rooms.FindAsync(roomId, stop) is { } left
            && await _notices.IsInvitedAsync(userId, left, stop))
        {
            return NoticeInvites.CannotReject;
        }

        if (membership == "join" && sender == userId)
        {
            if (await _rooms.FindAsync(roomId, stop) is not { } snapshot)
            {
                return RoomFailure.Unknown;
            }

            return await _joins.SetAsync(snapshot, userId, content, keepIfJoined: false, timestamp, stop);
        }

        return await _sender.SendStateAsync(
            roomId, Draft.State(EventTypes.Member, userId, sender, content), timestamp, stop);
    }

    /// <summary>Invites a user. Nothing changes if they are invited already.</summary>
    public async ValueTask<RoomFailure?> InviteAsync(
        string sender, string roomId, string userId, string? reason, CancellationToken stop)
    {
        if (await _invites.OfAsync(sender, userId, roomId, stop) is { } refused) return refused;
        if (_invites.IsRemote(userId)
            && await _rooms.FindAsync(roomId, stop) is { } room
            && await _remote.RefusedInviteAsync(room, sender, userId, stop) is { } notAllowed)
        {
            // The user's server is not asked for the profile.
            return notAllowed;
        }

        var content = await _contents.OfAsync(userId, "invite", reason, stop);
        if (_invites.IsRemote(userId))
        {
            return (await InviteRemoteAsync(sender, roomId, userId, content, null, stop)).Failure;
        }

        return await _changes.SendAsync(sender, roomId, userId, content, MembershipRule.KeepInvite, stop);
    }

    /// <summary>
    /// Leaves a room, rejects an invite or retracts a knock. Nothing changes if the user has left already.
    /// </summary>
    /// <param name="userId">The user.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="reason">The event's `reason`; null for none.</param>
    /// <param name="isDeparture">Whether the user's account ended: they leave what others cannot reject.</param>
    /// <param name="who">What causes requests to other servers; null for the user.</param>
    public async ValueTask<RoomFailure?> LeaveAsync(
        string userId,
        string roomId,
        string? reason,
        CancellationToken stop,
        bool isDeparture = false,
        string? who = null)
    {
        if (!isDeparture
            && await _rooms.FindAsync(roomId, stop) is { } known
            && await _notices.IsInvitedAsync(userId, known, stop))
        {
            return NoticeInvites.CannotReject;
        }

        if (await _rooms.FindAsync(roomId, stop) is var found
            && found?.Local.IsJoined(userId) != true
            && await _remote.LeaveAsync(who ?? userId, userId, roomId, reason, stop))
        {
            return null;
        }

        var content = await _contents.OfAsync(userId, "leave", reason, stop);
        return await _changes.SendAsync(userId, roomId, userId, content, MembershipRule.KeepLeave, stop);
    }

    /// <summary>
    /// Knocks on a room, through other servers if this server has no user in it. Nothing changes if the user knocks
    /// already.
    /// </summary>
    /// <param name="userId">The user.</param>
    /// <param name="who">The user or application service that causes requests to other servers.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="servers">Servers that may be in the room.</param>
    /// <param name="reason">The event's `reason`; null for none.</param>
    public async ValueTask<RoomFailure?> KnockAsync(
        string userId,
        string who,
        string roomId,
        IReadOnlyList<string> servers,
        string? reason,
        CancellationToken stop)
    {
        if (await _policies.RefusedJoinAsync(userId, roomId, stop) is { } refused) return refused;
        if (await _rooms.FindAsync(roomId, stop) is not { IsResident: true })
        {
            return await _remote.KnockAsync(who, userId, roomId, servers, reason, stop);
        }

        var content = await _contents.OfAsync(userId, "knock", reason, stop);
        return await _changes.SendAsync(userId, roomId, userId, content, MembershipRule.KeepKnock, stop);
    }

    /// <summary>Removes another user from a room.</summary>
    public async ValueTask<RoomFailure?> KickAsync(
        string sender, string roomId, string userId, string? reason, CancellationToken stop)
    {
        var content = await _contents.OfAsync(userId, "leave", reason, stop);
        return await _changes.SendAsync(sender, roomId, userId, content, MembershipRule.RefuseAbsent, stop);
    }

    /// <summary>Bans a user.</summary>
    public async ValueTask<RoomFailure?> BanAsync(
        string sender, string roomId, string userId, string? reason, CancellationToken stop)
    {
        var content = await _contents.OfAsync(userId, "ban", reason, stop);
        return await _changes.SendAsync(sender, roomId, userId, content, MembershipRule.None, stop);
    }

    /// <summary>Lifts a ban.</summary>
    public async ValueTask<RoomFailure?> UnbanAsync(
        string sender, string roomId, string userId, string? reason, CancellationToken stop)
    {
        var content = await _contents.OfAsync(userId, "leave", reason, stop);
        return await _changes.SendAsync(sender, roomId, userId, content, MembershipRule.RefuseUnbanned, stop);
    }

    /// <summary>Whether a user is a user of another server.</summary>
    internal bool IsRemote(string userId) => _invites.IsRemote(userId);

    /// <inheritdoc cref="InviteRefusals.OfAsync"/>
    internal ValueTask<RoomFailure?> RefusedInviteAsync(
        string sender, string userId, string? roomId, CancellationToken stop) =>
        _invites.OfAsync(sender, userId, roomId, stop);

    /// <summary>Invites a user of another server.</summary>
    /// <returns>The event's id.</returns>
    internal async ValueTask<RoomResult<string>> InviteRemoteAsync(
        string sender, string roomId, string userId, JsonObject content, long? timestamp, CancellationToken stop) =>
        await _rooms.FindAsync(roomId, stop) is { } snapshot
            ? await _remote.InviteAsync(snapshot, sender, userId, content, timestamp, stop)
            : RoomFailure.Unknown;
}
