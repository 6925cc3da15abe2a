using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Network.IdentityServers;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>An invite of whoever has an address.</summary>
/// <param name="Server">The identity server that knows it.</param>
/// <param name="Medium">`email` or `msisdn`.</param>
/// <param name="Address">The address in its canonical form.</param>
public sealed record AddressInvite(NamedIdentityServer Server, string Medium, string Address)
{
    /// <summary>The medium only: an address is private.</summary>
    public override string ToString() => Medium;
}

/// <summary>Why an invite by address failed: in the room, or at the identity server.</summary>
public sealed record AddressInviteFailure(RoomFailure? Room, IdentityFailure? Identity)
{
    /// <summary>A sentence.</summary>
    public string Message => Room?.Message ?? Identity?.Message ?? "";
}

/// <summary>
/// Invites by third-party identifier: of the user to whom an identity server has bound it, or by an invite that waits
/// there until it is bound. v1.19 client-server-api#third-party-invites,
/// v1.19 server-server-api#cases-where-an-association-exists-for-a-third-party-identifier
/// </summary>
public sealed class AddressInvites
{
    private readonly IdentityApi _identity;
    private readonly RoomMemberships _memberships;
    private readonly RoomSender _sender;
    private readonly RoomSnapshots _rooms;
    private readonly StateReader _state;
    private readonly ILocalUsers _users;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;

    internal AddressInvites(
        IdentityApi identity,
        RoomMemberships memberships,
        RoomSender sender,
        RoomSnapshots rooms,
        StateReader state,
        ILocalUsers users,
        RoomsOptions options,
        TimeProvider time)
    {
        _identity = identity;
        _memberships = memberships;
        _sender = sender;
        _rooms = rooms;
        _state = state;
        _users = users;
        _options = options;
        _time = time;
    }

    /// <summary>Whether users may name an identity server.</summary>
    public bool Trusts(string server) => _identity.Trusts(server);

    /// <summary>Invites one address.</summary>
    public async ValueTask<AddressInviteFailure?> InviteAsync(
        string sender, string roomId, AddressInvite invite, string? reason, CancellationToken stop)
    {
        if (await _rooms.FindAsync(roomId, stop) is not { } snapshot)
        {
            return new AddressInviteFailure(RoomFailure.Unknown, null);
        }

        // The identity server learns of no invite that the room refuses.
        var refused = await _sender.RefusedStateAsync(
            snapshot, Draft.State(EventTypes.ThirdPartyInvite, "token", sender, JsonObject.Empty), stop);
        if (refused is not null) return new AddressInviteFailure(refused, null);
        var found = await _identity.LookUpAsync(invite.Server, invite.Medium, invite.Address, stop);
        if (!found.IsOk) return new AddressInviteFailure(null, found.Failure);
        if (found.Value is { } userId)
        {
            return await _memberships.InviteAsync(sender, roomId, userId, reason, stop)
                is { } failure ? new AddressInviteFailure(failure, null) : null;
        }

        var described = await DescribeAsync(snapshot, sender, invite, stop);
        var stored = await _identity.StoreInviteAsync(invite.Server, described, stop);
        if (!stored.IsOk) return new AddressInviteFailure(null, stored.Failure);

        // Not cancelled: the identity server has told the address.
        var draft = Draft.State(EventTypes.ThirdPartyInvite, stored.Value!.Token, sender, stored.Value.Content);
        var sent = await _sender.SendStateAsync(roomId, draft, null, CancellationToken.None);
        return sent.IsOk ? null : new AddressInviteFailure(sent.Failure, null);
    }

    /// <summary>
    /// Invites addresses to a room that was created, and waits for them within a bounded time: the rest goes on after
    /// it. The room stays if an identity server cannot be reached.
    /// </summary>
    /// <param name="notInvited">Called with the reason for each address that is not invited.</param>
    public async ValueTask InviteAllAsync(
        string sender,
        string roomId,
        IReadOnlyList<AddressInvite> invites,
        Action<AddressInviteFailure> notInvited,
        CancellationToken stop)
    {
        if (invites.Count == 0) return;
        var inviting = Parallel.ForEachAsync(
            invites,
            new ParallelOptions { MaxDegreeOfParallelism = _options.InvitesAtOnce },
            async (invite, _) =>
            {
                if (await InviteAsync(sender, roomId, invite, null, CancellationToken.None)
                    is { } failure)
                {
                    notInvited(failure);
                }
            });
        try
        {
            await inviting.WaitAsync(_options.CreationInviteTime, _time, stop);
        }
        catch (TimeoutException)
        {
            // The client learns of the room now, and of the invites by sync.
        }
    }

    /// <summary>What the identity server may tell the address. v1.19 identity-service-api#invitation-storage</summary>
    private async ValueTask<JsonObject> DescribeAsync(
        RoomSnapshot room, string sender, AddressInvite invite, CancellationToken stop)
    {
        var shown = await _users.ShownProfileAsync(sender, stop);
        var members = new List<(string Name, string? Value)>
        {
            ("address", invite.Address),
            ("medium", invite.Medium),
            ("room_alias", await TextAsync(EventTypes.CanonicalAlias, "alias")),
            ("room_avatar_url", await TextAsync(EventTypes.Avatar, "url")),
            ("room_id", room.Room.RoomId),
            ("room_join_rules", await TextAsync(EventTypes.JoinRules, "join_rule")),
            ("room_name", await TextAsync(EventTypes.Name, "name")),
            ("room_type", await TextAsync(EventTypes.Create, "type")),
            ("sender", sender),
            ("sender_avatar_url", shown.AvatarUrl),
            ("sender_display_name", shown.DisplayName),
        };
        return JsonObject.OfSeq(
            members.Where(static each => each.Value is not null)
                .Select(static each => (each.Name, Json.Of(each.Value!))));

        async ValueTask<string?> TextAsync(string type, string member) =>
            (await _state.ContentAsync(room, type, "", stop))?.Text(member);
    }
}
