using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.ServerNotices;

namespace Matrix.Host.Rooms.Sending;

/// <summary>Joins, invites, leaves, kicks, bans and forgets. v1.19 client-server-api#room-membership</summary>
public sealed class RoomMemberships
{
    private readonly RoomLanes _lanes;
    private readonly RoomSender _sender;
    private readonly RoomSnapshots _rooms;
    private readonly EventAppender _appender;
    private readonly RestrictedJoins _restricted;
    private readonly MemberContents _contents;
    private readonly ProfilePropagation _profiles;
    private readonly IMembershipsTable _membershipsTable;
    private readonly ServerNoticesTable _serverNoticesTable;
    private readonly IStorageWriter _writer;
    private readonly ILocalUsers _users;
    private readonly IRemoteMemberships _remote;
    private readonly PolicyLists _policies;
    private readonly string _serverName;

    internal RoomMemberships(
        RoomLanes lanes,
        RoomSender sender,
        RoomSnapshots rooms,
        EventAppender appender,
        RestrictedJoins restricted,
        MemberContents contents,
        ProfilePropagation profiles,
        IMembershipsTable membershipsTable,
        ServerNoticesTable serverNoticesTable,
        IStorageWriter writer,
        ILocalUsers users,
        IRemoteMemberships remote,
        PolicyLists policies,
        RoomsOptions options)
    {
        _lanes = lanes;
        _sender = sender;
        _rooms = rooms;
        _appender = appender;
        _restricted = restricted;
        _contents = contents;
        _profiles = profiles;
        _membershipsTable = membershipsTable;
        _serverNoticesTable = serverNoticesTable;
        _writer = writer;
        _users = users;
        _remote = remote;
        _policies = policies;
        _serverName = options.ServerName;
    }

    /// <summary>Joins a room. Nothing changes if the user is joined already.</summary>
    /// <param name="userId">The user.</param>
    /// <param name="roomId">The room.</param>
    /// <param name="reason">The event's `reason`; null for none.</param>
    /// <param name="invitationToken">The token of a third-party invite, which the room's state must have; null for
    /// none.</param>
    /// <returns>The room's id.</returns>
    public async ValueTask<RoomResult<string>> JoinAsync(
        string userId, string roomId, string? reason, CancellationToken stop, string? invitationToken = null)
    {
        if (await _rooms.FindAsync(roomId, stop) is not { } snapshot) return RoomFailure.Unknown;
        if (snapshot.Local.IsJoined(userId)) return roomId;
        if (await _policies.RefusedJoinAsync(userId, roomId, stop) is { } refused) return refused;
        if (invitationToken is not null && snapshot.State.Find(EventTypes.ThirdPartyInvite, invitationToken) is null)
        {
            return snapshot.State.Find(EventTypes.Member, userId) is null
                ? RoomFailure.Unknown
                : new RoomFailure(RoomFailureKind.Forbidden, "The room has no third-party invite with that token.");
        }

        var content = await _contents.OfAsync(userId, "join", reason, stop);
        var joined = await JoinWithAsync(snapshot, userId, content, keepIfJoined: true, null, stop);
        if (!joined.IsOk) return joined.Failure;
        await _profiles.JoinedAsync(userId, content);
        return roomId;
    }

    /// <summary>Sends a member event as a client wrote it (`PUT …/state/m.room.member/…`).</summary>
    /// <returns>The event's id.</returns>
    public async ValueTask<RoomResult<string>> SetAsync(
        string sender, string roomId, string userId, JsonObject content, long? timestamp, CancellationToken stop)
    {
        var membership = content.Text("membership");
        var barred = membership switch
        {
            "invite" => await RefusedInviteAsync(sender, userId, roomId, stop),
            "join" or "knock" when sender == userId =>
                await _policies.RefusedJoinAsync(userId, roomId, stop),
            _ => null,
        };
        if (barred is not null) return barred;

        if (membership == "invite" && IsRemote(userId))
        {
            return await InviteRemoteAsync(sender, roomId, userId, content, timestamp, stop);
        }

        if (membership == "leave"
            && sender == userId
            && await _rooms.FindAsync(roomId, stop) is { } left
            && await IsInviteToNoticesAsync(userId, left, stop))
        {
            return _notices;
        }

        if (membership == "join" && sender == userId)
        {
            if (await _rooms.FindAsync(roomId, stop) is not { } snapshot)
            {
                return RoomFailure.Unknown;
            }

            return await JoinWithAsync(snapshot, userId, content, keepIfJoined: false, timestamp, stop);
        }

        return await _sender.SendStateAsync(
            roomId, Draft.State(EventTypes.Member, userId, sender, content), timestamp, stop);
    }

    /// <summary>Invites a user. Nothing changes if they are invited already.</summary>
    public async ValueTask<RoomFailure?> InviteAsync(
        string sender, string roomId, string userId, string? reason, CancellationToken stop)
    {
        if (await RefusedInviteAsync(sender, userId, roomId, stop) is { } refused) return refused;
        if (IsRemote(userId)
            && await _rooms.FindAsync(roomId, stop) is { } room
            && await _remote.RefusedInviteAsync(room, sender, userId, stop) is { } notAllowed)
        {
            // The user's server is not asked for the profile.
            return notAllowed;
        }

        var content = await _contents.OfAsync(userId, "invite", reason, stop);
        if (IsRemote(userId))
        {
            return (await InviteRemoteAsync(sender, roomId, userId, content, null, stop)).Failure;
        }

        return await ChangeAsync(sender, roomId, userId, content, keepIf: now => now == Membership.Invite, stop);
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
            && await IsInviteToNoticesAsync(userId, known, stop))
        {
            return _notices;
        }

        if (await _rooms.FindAsync(roomId, stop) is var found
            && found?.Local.IsJoined(userId) != true
            && await _remote.LeaveAsync(who ?? userId, userId, roomId, reason, stop))
        {
            return null;
        }

        var content = await _contents.OfAsync(userId, "leave", reason, stop);
        return await ChangeAsync(userId, roomId, userId, content, keepIf: now => now == Membership.Leave, stop);
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
        return await ChangeAsync(userId, roomId, userId, content, keepIf: now => now == Membership.Knock, stop);
    }

    /// <summary>Removes another user from a room.</summary>
    public async ValueTask<RoomFailure?> KickAsync(
        string sender, string roomId, string userId, string? reason, CancellationToken stop)
    {
        var content = await _contents.OfAsync(userId, "leave", reason, stop);
        return await ChangeAsync(
            sender,
            roomId,
            userId,
            content,
            keepIf: null,
            stop,
            refuseUnless: now => now is Membership.Join or Membership.Invite or Membership.Knock
                ? null
                : new RoomFailure(RoomFailureKind.Forbidden, "The user is not in the room."));
    }

    /// <summary>Bans a user.</summary>
    public async ValueTask<RoomFailure?> BanAsync(
        string sender, string roomId, string userId, string? reason, CancellationToken stop)
    {
        var content = await _contents.OfAsync(userId, "ban", reason, stop);
        return await ChangeAsync(sender, roomId, userId, content, keepIf: null, stop);
    }

    /// <summary>Lifts a ban.</summary>
    public async ValueTask<RoomFailure?> UnbanAsync(
        string sender, string roomId, string userId, string? reason, CancellationToken stop)
    {
        var content = await _contents.OfAsync(userId, "leave", reason, stop);
        return await ChangeAsync(
            sender,
            roomId,
            userId,
            content,
            keepIf: null,
            stop,
            refuseUnless: now => now == Membership.Ban
                ? null
                : new RoomFailure(RoomFailureKind.WrongMembership, "The user is not banned."));
    }

    /// <summary>Forgets a room that the user has left.</summary>
    public async ValueTask<RoomFailure?> ForgetAsync(string userId, string roomId, CancellationToken stop)
    {
        var forgotten = await _remote.ForgetAsync(userId, roomId, stop);
        if (!forgotten.IsOk) return forgotten.Failure;
        if (await _rooms.FindAsync(roomId, stop) is not { } snapshot)
        {
            return forgotten.Value ? null : RoomFailure.Unknown;
        }

        var forget = new RoomForgotten(snapshot.Room.Nid, userId);
        var receipt = await _writer.WriteAsync(new WriteBatch(1).Require(forget), stop);
        if (!receipt.Refused) return null;

        var now = await _membershipsTable.FindAsync(snapshot.Room.Nid, userId, stop);
        return now is null
            ? forgotten.Value ? null : RoomFailure.Unknown
            : new RoomFailure(RoomFailureKind.BadState, $"You have not left {roomId}.");
    }

    private static readonly RoomFailure _notices = new(
        RoomFailureKind.CannotLeaveServerNoticeRoom, "Invites to the room of server notices cannot be rejected.");

    /// <summary>Whether a room is that of the user's server notices, and they have not joined it yet.</summary>
    private async ValueTask<bool> IsInviteToNoticesAsync(string userId, RoomSnapshot room, CancellationToken stop) =>
        !room.Local.IsJoined(userId)
        && room.State.Find(EventTypes.Member, userId) is not null
        && await _serverNoticesTable.FindAsync(userId, stop) == room.Room.Nid
        && await _membershipsTable.FindAsync(room.Room.Nid, userId, stop)
            is { Membership: Membership.Invite };

    private static RoomFailure NotResident { get; } = new(
        RoomFailureKind.NotResident, "This server has no user in the room; others have.");

    /// <summary>
    /// Joins, or replaces the member event of a joined user. Decided in the lane's session: of several requests at once
    /// the first joins.
    /// </summary>
    private async ValueTask<RoomResult<string>> JoinWithAsync(
        RoomSnapshot snapshot, string userId, JsonObject content, bool keepIfJoined, long? timestamp,
        CancellationToken stop)
    {
        var isGuest = await IsGuestAsync(userId, stop);
        return await _lanes.EnterAsync<string>(
            snapshot.Room.Nid,
            async session =>
            {
                if (session.Pending is { IsFederated: true, Local.Joined.Count: 0, JoinedCount: > 0 })
                {
                    return NotResident;
                }

                var member = await _appender.State.EventAsync(session, EventTypes.Member, userId, stop);
                Membership? now = member is null ? null : LaneState.MembershipOf(member.Pdu);
                if (now == Membership.Join && keepIfJoined) return member!.EventId;
                // A client cannot choose the authorising user: this server's signature authorises the join.
                // A refusal is dropped: the rules refuse the join, and RoomJoins then asks other servers.
                var authority = await _restricted.AuthoriseAsync(session, userId, stop);
                var joining = RestrictedJoins.WithAuthorisingUser(content, authority.User);
                if (now == Membership.Join && member!.Pdu.Content.Equals(joining)) return member.EventId;

                var draft = Draft.State(EventTypes.Member, userId, userId, joining);
                if (isGuest && !await GuestAccess.IsOpenAsync(_appender.State, session, stop))
                {
                    // Who could not join as a user learns no more of the room as a guest.
                    return await _appender.WouldRefuseAsync(session, draft, stop)
                        ?? GuestAccess.Closed;
                }

                var made = await _appender.AppendAsync(session, draft, null, timestamp, stop);
                return made.IsOk ? made.Value.EventId : made.Failure;
            },
            stop);
    }

    /// <summary>Whether a local user is a guest.</summary>
    internal async ValueTask<bool> IsGuestAsync(string userId, CancellationToken stop) =>
        (await _users.AccountAsync(userId, stop)).IsGuest;

    /// <summary>Whether a user is a user of another server.</summary>
    internal bool IsRemote(string userId) => RoomNames.ServerOf(userId) != _serverName;

    /// <summary>Invites a user of another server.</summary>
    /// <returns>The event's id.</returns>
    internal async ValueTask<RoomResult<string>> InviteRemoteAsync(
        string sender, string roomId, string userId, JsonObject content, long? timestamp, CancellationToken stop) =>
        await _rooms.FindAsync(roomId, stop) is { } snapshot
            ? await _remote.InviteAsync(snapshot, sender, userId, content, timestamp, stop)
            : RoomFailure.Unknown;

    /// <summary>
    /// Why a user cannot be invited, whatever the room's rules say; null if they can be. Another server decides whether
    /// its users accept invites.
    /// </summary>
    /// <param name="roomId">The room; null for one that is being created.</param>
    internal async ValueTask<RoomFailure?> RefusedInviteAsync(
        string sender, string userId, string? roomId, CancellationToken stop)
    {
        if (await _policies.RefusedInviteAsync(sender, userId, roomId, stop) is { } refused)
        {
            return refused;
        }

        if (IsRemote(userId)) return null;
        if (await _users.UnknownAsync(userId, stop) is { } unknown) return unknown;

        return await _users.BlocksInvitesAsync(userId, stop)
            ? new RoomFailure(RoomFailureKind.InviteBlocked, $"{userId} does not accept invites.")
            : null;
    }

    private async ValueTask<RoomFailure?> ChangeAsync(
        string sender,
        string roomId,
        string userId,
        JsonObject content,
        Func<Membership?, bool>? keepIf,
        CancellationToken stop,
        Func<Membership?, RoomFailure?>? refuseUnless = null)
    {
        if (await _rooms.FindAsync(roomId, stop) is not { } snapshot) return RoomFailure.Unknown;
        var result = await _lanes.EnterAsync<bool>(
            snapshot.Room.Nid,
            async session =>
            {
                var now = await MembershipAsync(session, userId, stop);

                // Only members, and the user themselves, may learn the user's membership. For others the rules decide.
                var mayLearn = sender == userId
                    ? now is not null
                    : await MembershipAsync(session, sender, stop) == Membership.Join;
                if (mayLearn)
                {
                    if (keepIf is not null && keepIf(now)) return true;
                    if (refuseUnless?.Invoke(now) is { } refusal) return refusal;
                }

                var made = await _appender.AppendAsync(
                    session, Draft.State(EventTypes.Member, userId, sender, content), null, null, stop);
                return made.IsOk ? true : made.Failure;
            },
            stop);
        return result.Failure;
    }

    private async ValueTask<Membership?> MembershipAsync(LaneSession session, string userId, CancellationToken stop)
    {
        var stored = await _appender.State.EventAsync(session, EventTypes.Member, userId, stop);
        return stored is null ? null : LaneState.MembershipOf(stored.Pdu);
    }
}
