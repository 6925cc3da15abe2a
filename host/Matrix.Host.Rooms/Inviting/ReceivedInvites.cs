using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>An invite of a local user, as another server sent it.</summary>
/// <param name="Origin">The server that sent it.</param>
/// <param name="RoomId">The room of the path.</param>
/// <param name="EventId">The event of the path.</param>
/// <param name="Version">The room's version; null for 1 or 2, where the request does not say which.</param>
/// <param name="Event">The invite.</param>
/// <param name="State">The entries of `invite_room_state`.</param>
public sealed record ReceivedInvite(
    string Origin, string RoomId, string EventId, string? Version, JsonObject Event, IReadOnlyList<Json> State);

/// <summary>
/// Invites of local users by users of other servers. Everything is checked before the invite is signed: this server
/// signs no other event. v1.19 server-server-api#inviting-to-a-room
/// </summary>
public sealed class ReceivedInvites
{
    private readonly RoomSnapshots _rooms;
    private readonly ServerAccess _access;
    private readonly EventStore _events;
    private readonly SignatureChecker _signatures;
    private readonly ReceivedStrippedState _stripped;
    private readonly StrippedRoomsTable _strippedRoomsTable;
    private readonly IAccountsTable _accountsTable;
    private readonly IStorageWriter _writer;
    private readonly ILocalUsers _users;
    private readonly ServerSigner _signer;
    private readonly PolicyLists _policies;
    private readonly RoomsOptions _options;

    internal ReceivedInvites(
        RoomSnapshots rooms,
        ServerAccess access,
        EventStore events,
        SignatureChecker signatures,
        ReceivedStrippedState stripped,
        StrippedRoomsTable strippedRoomsTable,
        IAccountsTable accountsTable,
        IStorageWriter writer,
        ILocalUsers users,
        ServerSigner signer,
        PolicyLists policies,
        RoomsOptions options)
    {
        _rooms = rooms;
        _access = access;
        _events = events;
        _signatures = signatures;
        _stripped = stripped;
        _strippedRoomsTable = strippedRoomsTable;
        _accountsTable = accountsTable;
        _writer = writer;
        _users = users;
        _signer = signer;
        _policies = policies;
        _options = options;
    }

    /// <summary>Takes an invite, shows it to the invited user, and returns it with this server's signature.</summary>
    public async ValueTask<RoomResult<JsonObject>> ReceiveAsync(ReceivedInvite invite, CancellationToken stop)
    {
        var version = invite.Version ?? FirstVersionOf(invite.State);
        if (RulesOf(version) is not { } rules)
        {
            return new RoomFailure(
                RoomFailureKind.IncompatibleRoomVersion, $"This server does not support the room version {version}.")
            {
                RoomVersion = version,
            };
        }

        var read = rules.ReadReceived(invite.Event);
        if (read.Refusal is { } malformed) return RoomFailure.Of(malformed);
        var pdu = read.Value;
        if (FaultOf(invite, pdu) is { } fault) return fault;
        if (!await IsSignedAsync(rules, pdu, invite.Origin, stop))
        {
            return Invalid("The invite is not validly signed.");
        }

        var userId = pdu.Pdu.StateKey!;
        var refused = await _policies.RefusedInviteAsync(pdu.Sender, userId, invite.RoomId, stop)
            ?? await RefusedByUserAsync(userId, stop);
        if (refused is not null) return refused;
        var snapshot = await _rooms.FindAsync(invite.RoomId, stop);
        var closed = snapshot is null
            ? null
            : await RefusedByRoomAsync(snapshot, rules, invite.Origin, pdu.Pdu, stop);
        if (closed is not null) return closed;

        var state = await _stripped.OfInviteAsync(rules, invite.State, pdu.Pdu, stop);
        if (!state.IsOk) return state.Failure;

        var signed = EventJson.Signed(
            invite.Event,
            _signer.Sign(pdu.SignedBytes.Span));
        var stored = rules.ReadReceived(signed);
        if (stored.Refusal is { } tooLarge) return RoomFailure.Of(tooLarge);
        var failure = await StoreAsync(snapshot?.Room, rules.Id, invite.Origin, stored.Value.Pdu, state.Value, stop);
        return failure is null ? signed : failure;
    }

    /// <summary>The version of a room of version 1 or 2: its create event says which.</summary>
    private static string FirstVersionOf(IReadOnlyList<Json> state) =>
        state.OfType<Json.Object>().Select(entry => entry.Item).FirstOrDefault(
            json => json.Text("type") == EventTypes.Create) is { } create
        && JsonText.TryGet(create, "content", out var content)
        && content is Json.Object { Item: var inner }
        && inner.Text("room_version") == "2"
            ? "2"
            : "1";

    private RoomRules? RulesOf(string version) =>
        _options.UnstableRoomVersions.Contains(version) ? RoomRules.FindUnstable(version) : RoomRules.Find(version);

    private static RoomFailure Invalid(string message) => new(RoomFailureKind.InvalidParam, message);

    /// <summary>Why this is no invite of a local user that the server may send; null if it is one.</summary>
    private RoomFailure? FaultOf(ReceivedInvite invite, ReceivedPdu pdu) =>
        pdu.EventId != invite.EventId || pdu.RoomId != invite.RoomId
            ? Invalid("The event is not the one that the path names.")
        : pdu.Type != EventTypes.Member || pdu.Pdu.Content.Text("membership") != "invite" || !pdu.HashHolds
            ? Invalid("The event is no invite, or it does not have its content hash.")
        : RoomNames.ServerOf(pdu.Sender) != invite.Origin
            ? Invalid($"{pdu.Sender} is not a user of {invite.Origin}.")
        : pdu.Pdu.StateKey is not { } userId
            || !UserId.IsValid(userId)
            || RoomNames.ServerOf(userId) != _options.ServerName
            ? Invalid("The invited user is not a user of this server.")
        : null;

    private async ValueTask<bool> IsSignedAsync(
        RoomRules rules, ReceivedPdu pdu, string origin, CancellationToken stop)
    {
        var signatures = await _signatures.CheckAsync(
            rules,
            pdu.Signatures,
            pdu.RequiredSigners.Append(origin).ToHashSet(),
            pdu.SignedBytes,
            pdu.OriginServerTs,
            stop,
            sentBy: origin);
        var received = ReceivedEvent.OfPdu(pdu, signatures);
        return pdu.RequiredSigners.Append(origin).All(server => received.IsSignedBy(server));
    }

    private async ValueTask<RoomFailure?> RefusedByUserAsync(string userId, CancellationToken stop)
    {
        // An application service may create the user meanwhile.
        if (await _users.UnknownAsync(userId, stop) is { } unknown) return unknown;
        var user = await _accountsTable.FindUserAsync(userId, stop);
        if (user is null or { DeactivatedAt: not null })
        {
            return new RoomFailure(RoomFailureKind.NotFound, $"There is no user {userId}.");
        }

        return await _users.BlocksInvitesAsync(userId, stop)
            ? new RoomFailure(RoomFailureKind.InviteBlocked, $"{userId} does not accept invites.")
            : null;
    }

    /// <summary>Why the room, as it is known here, refuses the invite.</summary>
    private async ValueTask<RoomFailure?> RefusedByRoomAsync(
        RoomSnapshot snapshot, RoomRules rules, string origin, Pdu invite, CancellationToken stop)
    {
        var userId = invite.StateKey!;
        if (snapshot.Room.Rules.Id != rules.Id) return Invalid($"The room has version {snapshot.Room.Rules.Id}.");
        if (!snapshot.IsResident) return null;
        if (snapshot.Local.IsJoined(userId))
        {
            return new RoomFailure(RoomFailureKind.Forbidden, $"{userId} is in the room.");
        }

        if (await _access.DeniesAsync(origin, snapshot, stop)) return ServerAccess.Denied;

        // Who redeems an own third-party invite need not be in the room any more.
        if (invite.Content.Has("third_party_invite"))
        {
            return await RedeemsAsync(snapshot, invite, stop)
                ? null
                : new RoomFailure(
                    RoomFailureKind.Forbidden, $"{invite.Sender} has made no such third-party invite in the room.");
        }

        return await _access.IsUserJoinedAsync(invite.Sender, snapshot, stop)
            ? null
            : new RoomFailure(RoomFailureKind.Forbidden, $"{invite.Sender} is not in the room.");
    }

    /// <summary>
    /// Whether an invite names a third-party invite of its sender in the room. Authorization rules, membership
    /// "invite".
    /// </summary>
    private async ValueTask<bool> RedeemsAsync(RoomSnapshot snapshot, Pdu invite, CancellationToken stop)
    {
        if (Child(invite.Content, "third_party_invite") is not { } thirdParty
            || Child(thirdParty, "signed")?.Text("token") is not { } token
            || snapshot.State.Find(EventTypes.ThirdPartyInvite, token) is not { } entry)
        {
            return false;
        }

        var nid = EventNid.Of(snapshot.Room.Nid, entry.Ordinal);
        return await _events.GetAsync(snapshot.Room, nid, stop) is { } made
            && made.Pdu.Sender == invite.Sender;
    }

    private static JsonObject? Child(JsonObject json, string name) =>
        JsonText.TryGet(json, name, out var value) && value is Json.Object { Item: var child } ? child : null;

    /// <summary>
    /// Stores the invite, unless it has come into the room already, or has ended. The user leaves this form of the room
    /// when their membership in the room itself changes.
    /// </summary>
    private async ValueTask<RoomFailure?> StoreAsync(
        RoomIdentity? room,
        string version,
        string origin,
        Pdu invite,
        ReadOnlyMemory<byte> state,
        CancellationToken stop)
    {
        var row = new StrippedRoomRow(
            invite.RoomId,
            version,
            origin,
            Membership.Invite,
            invite.Sender,
            invite.EventId,
            invite.Canonical,
            state,
            Position: 0);
        var entered = new StrippedRoomEntered(invite.StateKey!, row, _options.MaxOpenInvites);
        var receipt = await _writer.WriteAsync(new WriteBatch(1).Require(entered), stop);
        if (!receipt.Refused) return null;
        var known = await _strippedRoomsTable.FindAsync(invite.StateKey!, invite.RoomId, stop);
        if (known is { IsOpen: false } && known.EndedId == invite.EventId)
        {
            return new RoomFailure(RoomFailureKind.Forbidden, "The invite was rejected, or taken back.");
        }

        return room is not null
            && await _events.ByIdAsync(room, invite.EventId, stop) is not null
                ? null
                : new RoomFailure(RoomFailureKind.Forbidden, $"{invite.StateKey} has too many open invites.");
    }
}
