using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Joining;

/// <summary>A room at a join through this server.</summary>
/// <param name="Join">The join, as this server stored it.</param>
/// <param name="Room">The state before it, and the auth chain of the join and of the state.</param>
public sealed record JoinedThroughHere(Pdu Join, ServedState Room);

/// <summary>
/// Joins of other servers' users through this server, the resident one. v1.19 server-server-api#joining-rooms,
/// v1.19 server-server-api#restricted-rooms
/// </summary>
public sealed class ResidentJoins
{
    private readonly ResidentHandshakes _handshakes;
    private readonly RestrictedJoins _restricted;
    private readonly RoomLanes _lanes;
    private readonly RoomReceiver _receiver;
    private readonly EventStore _events;
    private readonly ServedHistory _history;
    private readonly ReplacedState _replaced;
    private readonly ServerSigner _signer;
    private readonly PolicyLists _policies;

    internal ResidentJoins(
        ResidentHandshakes handshakes,
        RestrictedJoins restricted,
        RoomLanes lanes,
        RoomReceiver receiver,
        EventStore events,
        ServedHistory history,
        ReplacedState replaced,
        ServerSigner signer,
        PolicyLists policies)
    {
        _handshakes = handshakes;
        _restricted = restricted;
        _lanes = lanes;
        _receiver = receiver;
        _events = events;
        _history = history;
        _replaced = replaced;
        _signer = signer;
        _policies = policies;
    }

    /// <summary>
    /// A template of a user's join, which their server completes and signs. In a restricted room it names the local
    /// user who authorises the join.
    /// </summary>
    /// <param name="peer">The user's server.</param>
    /// <param name="versions">The room versions that it supports.</param>
    /// <returns>The room version and the template.</returns>
    public ValueTask<RoomResult<(string Version, JsonObject Template)>> MakeJoinAsync(
        string peer, string roomId, string userId, IReadOnlyCollection<string> versions, CancellationToken stop) =>
        _handshakes.MakeAsync(
            peer,
            roomId,
            userId,
            versions,
            async session =>
            {
                var barred = await _policies.RefusedJoinAsync(userId, roomId, stop);
                if (barred is not null) return barred;
                var authority = await _restricted.AuthoriseAsync(session, userId, stop);
                return authority.Refusal is { } refusal
                    ? refusal
                    : RestrictedJoins.WithAuthorisingUser(
                        JsonObject.OfSeq([("membership", Json.Of("join"))]), authority.User);
            },
            stop);

    /// <summary>Takes a join that a user's server signed, and returns the room's state before it.</summary>
    public async ValueTask<RoomResult<JoinedThroughHere>> SendJoinAsync(
        string peer, string roomId, string eventId, JsonObject json, CancellationToken stop)
    {
        var read = await _handshakes.ReadAsync(peer, roomId, eventId, "join", json, stop);
        if (!read.IsOk) return read.Failure;
        var barred = await _policies.RefusedJoinAsync(read.Value.Pdu.Sender, roomId, stop);
        if (barred is not null) return barred;
        var room = read.Value.Room.Room;
        var authorised = await AuthorisedAsync(read.Value, stop);
        if (!authorised.IsOk) return authorised.Failure;
        var join = authorised.Value;

        var decided = await _receiver.DecideAsync(peer, room, join, stop);
        if (!decided.IsOk) return decided.Failure;

        var before = decided.Value?.StateBefore
            ?? await StateBeforeAsync(room, eventId, stop);
        if (before is null)
        {
            return new RoomFailure(RoomFailureKind.BadState, "The events that the join follows are not known here.");
        }

        // A server that gets this failure sends its join again, which changes nothing more.
        var served = await _history.StateAsync(peer, room, before, join.Pdu, stop);
        if (!served.IsOk) return served.Failure;
        return new JoinedThroughHere(join.Pdu, served.Value);
    }

    /// <summary>
    /// The join, with this server's signature if it names a local user as the authorising user. The signature is only
    /// returned if the join is accepted.
    /// </summary>
    private async ValueTask<RoomResult<ReceivedEvent>> AuthorisedAsync(
        SignedMembership join, CancellationToken stop)
    {
        var (snapshot, json, pdu, received) = join;
        if (received.AuthorisingServer != _signer.ServerName) return received;
        var authorisingUser = pdu.Pdu.Content.Text(RestrictedJoins.AuthorisingUser)!;
        var allowed = await _lanes.EnterAsync<bool>(
            snapshot.Room.Nid,
            async session => await _restricted.RefusesAsync(session, pdu.Sender, authorisingUser, stop) is { } refusal
                ? refusal
                : true,
            stop);
        if (!allowed.IsOk) return allowed.Failure;

        var own = _signer.Sign(pdu.SignedBytes.Span);
        var signed = snapshot.Room.Rules.ReadReceived(EventJson.Signed(json, own));
        if (signed.Refusal is { } tooLarge) return RoomFailure.Of(tooLarge);
        return ReceivedEvent.OfPdu(
            signed.Value,
            Array.ConvertAll(
                signed.Value.Signatures,
                each => new CheckedSignature(each, IsOf(each, own) ? SignatureFate.Valid : FateOf(each, received))));
    }

    private static SignatureFate FateOf(Signature signature, ReceivedEvent received) =>
        Array.FindIndex(received.Signatures, each => IsOf(each.Signature, signature)) is >= 0 and var at
            ? received.Signatures[at].Fate
            : SignatureFate.Skipped;

    private static bool IsOf(Signature one, Signature other) => one.Entity == other.Entity && one.KeyId == other.KeyId;

    /// <summary>The state before a join that was accepted here earlier; null if it was not accepted.</summary>
    private async ValueTask<StateTree?> StateBeforeAsync(RoomIdentity room, string eventId, CancellationToken stop) =>
        await _events.ByIdAsync(room, eventId, stop) is { IsShown: true } join
            ? await _replaced.StateBeforeAsync(room.Nid, join, stop)
            : null;
}
