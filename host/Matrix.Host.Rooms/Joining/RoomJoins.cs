using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Aliases;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Rooms.Joining;

/// <summary>A local user's request to join a room.</summary>
/// <param name="Who">The user or application service that causes requests to other servers.</param>
/// <param name="Room">The room's id, or an alias.</param>
/// <param name="Via">Servers that may be in the room, as the client named them.</param>
/// <param name="Reason">The event's `reason`; null for none.</param>
/// <param name="InvitationToken">The token of a third-party invite; null for none.</param>
public sealed record JoinRequest(
    string UserId, string Who, string Room, IReadOnlyList<string> Via, string? Reason, string? InvitationToken);

/// <summary>
/// Joins of local users: in a room with local members by this server, otherwise through servers that are in the room.
/// v1.19 client-server-api#joining-rooms
/// </summary>
public sealed class RoomJoins
{
    /// <summary>The attempts of a join, which starts anew if the room changed meanwhile.</summary>
    private const int Attempts = 3;

    private readonly LocalJoins _joins;
    private readonly AliasResolver _aliases;
    private readonly RoomSnapshots _rooms;
    private readonly StateReader _state;
    private readonly RemoteJoins _remote;
    private readonly RemoteGuests _guests;
    private readonly PolicyLists _policies;
    private readonly IMembershipsTable _membershipsTable;
    private readonly StrippedRoomsTable _strippedRoomsTable;
    private readonly RoomCommands _commands;
    private readonly RoomsOptions _options;

    internal RoomJoins(
        LocalJoins joins,
        AliasResolver aliases,
        RoomSnapshots rooms,
        StateReader state,
        RemoteJoins remote,
        RemoteGuests guests,
        PolicyLists policies,
        IMembershipsTable membershipsTable,
        StrippedRoomsTable strippedRoomsTable,
        RoomCommands commands,
        RoomsOptions options)
    {
        _joins = joins;
        _aliases = aliases;
        _rooms = rooms;
        _state = state;
        _remote = remote;
        _guests = guests;
        _policies = policies;
        _membershipsTable = membershipsTable;
        _strippedRoomsTable = strippedRoomsTable;
        _commands = commands;
        _options = options;
    }

    /// <summary>Joins a room, which another node may have. Nothing changes if the user is joined already.</summary>
    /// <returns>The room's id.</returns>
    public async ValueTask<RoomResult<string>> JoinAsync(JoinRequest request, CancellationToken stop)
    {
        var (roomId, via) = (request.Room, request.Via);
        var refused = await _policies.RefusedJoinAsync(request.UserId, roomId, stop);
        if (refused is not null) return refused;
        if (roomId.StartsWith('#'))
        {
            var found = await _aliases.FindAsync(request.Who, roomId, stop);
            if (!found.IsOk) return found.Failure;
            (roomId, via) = (found.Value.RoomId, [.. via, .. found.Value.Servers]);
            refused = await _policies.RefusedJoinAsync(request.UserId, roomId, stop);
            if (refused is not null) return refused;
        }

        return await _commands.RunAsync(
            roomId,
            () => JoinHereAsync(request with { Room = roomId, Via = via }, stop),
            () => new JoinRoom(
                roomId, request.UserId, request.Who, via, request.Reason, request.InvitationToken, IsLocal: false),
            stop);
    }

    /// <summary>Joins a room whose shard is open here, by its id.</summary>
    internal async ValueTask<RoomResult<string>> JoinHereAsync(JoinRequest request, CancellationToken stop)
    {
        var (roomId, via) = (request.Room, request.Via);
        for (var attempt = 1; ; attempt++)
        {
            var local = await _joins.JoinHereAsync(
                request.UserId, roomId, request.Reason, stop, request.InvitationToken);
            if (local.IsOk || attempt > Attempts) return local;

            var snapshot = await _rooms.FindAsync(roomId, stop);
            var isResident = snapshot is { IsResident: true };
            var mayHelp = snapshot is null
                ? request.InvitationToken is null
                : local.Failure.Kind == RoomFailureKind.NotResident
                    || (isResident && await MayBeAuthorisedAsync(snapshot, request.UserId, local.Failure, stop));
            if (!mayHelp) return local;

            var servers = await CandidatesAsync(request.UserId, snapshot, roomId, via, stop);
            if (servers.Count == 0) return local;
            var isGuest = await _joins.IsGuestAsync(request.UserId, stop);
            if (isGuest)
            {
                var allowed = await _guests.ServersAsync(request.Who, snapshot, roomId, servers, stop);
                if (!allowed.IsOk) return isResident ? local : allowed.Failure;
                servers = allowed.Value;
            }

            var join = new RemoteJoin(request.UserId, request.Who, roomId, servers, request.Reason, isResident);
            if (await _remote.JoinAsync(join, stop) is not { } joined) continue;
            if (!joined.IsOk)
            {
                // Where no server could say more, what this one knows of the room stands.
                return isResident && !RemoteFailures.IsAnswer(joined.Failure) ? local : joined;
            }

            var refusedGuest = isGuest
                ? await _guests.RefusedAsync(request.UserId, roomId, stop)
                : null;
            return refusedGuest is null ? joined : refusedGuest;
        }
    }

    /// <summary>
    /// Whether another server may authorise a join that this server refused: the join rules are restricted, and the
    /// user is not banned. The failure is that of the rules: LocalJoins drops the refusal of RestrictedJoins.
    /// v1.19 server-server-api#restricted-rooms
    /// </summary>
    private async ValueTask<bool> MayBeAuthorisedAsync(
        RoomSnapshot snapshot, string userId, RoomFailure failure, CancellationToken stop)
    {
        if (failure.Kind is not (RoomFailureKind.Forbidden or RoomFailureKind.UnknownRoom)) return false;
        var rules = await _state.EventAsync(snapshot, EventTypes.JoinRules, "", stop);
        if (rules is null || snapshot.Room.Rules.JoinsThrough(rules.Auth) is null) return false;
        var member = await _membershipsTable.FindAsync(snapshot.Room.Nid, userId, stop);
        return member?.Membership != Membership.Ban;
    }

    /// <summary>
    /// The servers to ask: those that the client or the alias names, that of an invite, those whose users may authorise
    /// a join, those that were in the room when this server knew it, and that of the room's id.
    /// </summary>
    private async ValueTask<IReadOnlyList<string>> CandidatesAsync(
        string userId, RoomSnapshot? snapshot, string roomId, IReadOnlyList<string> via, CancellationToken stop)
    {
        var invite = await _strippedRoomsTable.FindAsync(userId, roomId, stop);
        string[] ofInvite = invite is null ? [] : [invite.Server];
        IReadOnlyList<string> members = snapshot is null
            ? []
            : await _membershipsTable.RemoteServersAsync(snapshot.Room.Nid, _options.JoinCandidates, stop);
        string[] ofId = roomId.Contains(':', StringComparison.Ordinal) ? [RoomNames.ServerOf(roomId)] : [];
        var authorising = snapshot is null ? [] : await AuthorisingServersAsync(snapshot, stop);
        return [.. via.Concat(ofInvite).Concat(authorising).Concat(members).Concat(ofId)
            .Where(server => ServerName.IsValid(server) && server != _options.ServerName)
            .Distinct()
            .Take(_options.JoinCandidates)];
    }

    /// <summary>The servers of users who may authorise a restricted join, by the room's levels and creators.</summary>
    private async ValueTask<IEnumerable<string>> AuthorisingServersAsync(RoomSnapshot snapshot, CancellationToken stop)
    {
        var create = await _state.EventAsync(snapshot, EventTypes.Create, "", stop);
        var levels = await _state.EventAsync(snapshot, EventTypes.PowerLevels, "", stop);
        if (create is null) return [];
        var state = new AuthSnapshot(levels is null ? [create.Auth] : [create.Auth, levels.Auth]);
        var withLevels = levels is not null
            && JsonText.TryGet(levels.Pdu.Content, "users", out var users)
            && users is Json.Object { Item: var byUser }
                ? byUser.Members.Select(member => member.Item1)
                : [];
        return withLevels.Prepend(create.Pdu.Sender)
            .Where(user => UserId.IsValid(user) && snapshot.Room.Rules.MayAuthorise(state, user))
            .Select(RoomNames.ServerOf)
            .Distinct()
            .Take(_options.JoinCandidates);
    }
}
