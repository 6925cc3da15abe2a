using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Stripped;

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
    private readonly SignatureChecker _signatures;
    private readonly InviteChecks _checks;
    private readonly ReceivedStrippedState _stripped;
    private readonly InviteStore _store;
    private readonly ServerSigner _signer;
    private readonly RoomsOptions _options;

    internal ReceivedInvites(
        RoomSnapshots rooms,
        SignatureChecker signatures,
        InviteChecks checks,
        ReceivedStrippedState stripped,
        InviteStore store,
        ServerSigner signer,
        RoomsOptions options)
    {
        _rooms = rooms;
        _signatures = signatures;
        _checks = checks;
        _stripped = stripped;
        _store = store;
        _signer = signer;
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
            return InviteFailures.Invalid("The invite is not validly signed.");
        }

        var userId = pdu.Pdu.StateKey!;
        if (await _checks.RefusedByUserAsync(pdu.Sender, userId, invite.RoomId, stop) is { } refused) return refused;
        var snapshot = await _rooms.FindAsync(invite.RoomId, stop);
        var closed = snapshot is null
            ? null
            : await _checks.RefusedByRoomAsync(snapshot, rules, invite.Origin, pdu.Pdu, stop);
        if (closed is not null) return closed;

        var state = await _stripped.OfInviteAsync(rules, invite.State, pdu.Pdu, stop);
        if (!state.IsOk) return state.Failure;

        var signed = EventJson.Signed(
            invite.Event,
            _signer.Sign(pdu.SignedBytes.Span));
        var stored = rules.ReadReceived(signed);
        if (stored.Refusal is { } tooLarge) return RoomFailure.Of(tooLarge);
        var failure = await _store.StoreAsync(
            snapshot?.Room, rules.Id, invite.Origin, stored.Value.Pdu, state.Value, stop);
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

    /// <summary>Why this is no invite of a local user that the server may send; null if it is one.</summary>
    private RoomFailure? FaultOf(ReceivedInvite invite, ReceivedPdu pdu) =>
        pdu.EventId != invite.EventId || pdu.RoomId != invite.RoomId
            ? InviteFailures.Invalid("The event is not the one that the path names.")
        : pdu.Type != EventTypes.Member || pdu.Pdu.Content.Text("membership") != "invite" || !pdu.HashHolds
            ? InviteFailures.Invalid("The event is no invite, or it does not have its content hash.")
        : RoomNames.ServerOf(pdu.Sender) != invite.Origin
            ? InviteFailures.Invalid($"{pdu.Sender} is not a user of {invite.Origin}.")
        : pdu.Pdu.StateKey is not { } userId
            || !UserId.IsValid(userId)
            || RoomNames.ServerOf(userId) != _options.ServerName
            ? InviteFailures.Invalid("The invited user is not a user of this server.")
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
}
