using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Policies;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>
/// Leaves and knocks of other servers' users through this server, the resident one.
/// v1.19 server-server-api#leaving-rooms-rejecting-invites, v1.19 server-server-api#knocking-rooms
/// </summary>
public sealed class ResidentMemberships
{
    private readonly ResidentHandshakes _handshakes;
    private readonly RoomReceiver _receiver;
    private readonly EventStore _events;
    private readonly PolicyLists _policies;

    internal ResidentMemberships(
        ResidentHandshakes handshakes, RoomReceiver receiver, EventStore events, PolicyLists policies)
    {
        _handshakes = handshakes;
        _receiver = receiver;
        _events = events;
        _policies = policies;
    }

    /// <summary>A template of a user's leave, which their server completes and signs.</summary>
    /// <param name="peer">The user's server.</param>
    /// <returns>The room version and the template.</returns>
    public ValueTask<RoomResult<(string Version, JsonObject Template)>> MakeLeaveAsync(
        string peer, string roomId, string userId, CancellationToken stop) =>
        MakeAsync(peer, roomId, userId, "leave", versions: null, stop);

    /// <summary>A template of a user's knock.</summary>
    /// <param name="peer">The user's server.</param>
    /// <param name="versions">The room versions that it supports.</param>
    /// <returns>The room version and the template.</returns>
    public ValueTask<RoomResult<(string Version, JsonObject Template)>> MakeKnockAsync(
        string peer, string roomId, string userId, IReadOnlyCollection<string> versions, CancellationToken stop) =>
        MakeAsync(peer, roomId, userId, "knock", versions, stop);

    /// <summary>Takes a leave that a user's server signed.</summary>
    public async ValueTask<RoomFailure?> SendLeaveAsync(
        string peer, string roomId, string eventId, JsonObject leave, CancellationToken stop) =>
        (await SendAsync(peer, roomId, eventId, "leave", leave, stop)).Failure;

    /// <summary>Takes a knock that a user's server signed.</summary>
    /// <returns>The events that identify the room, whole.</returns>
    public async ValueTask<RoomResult<IReadOnlyList<Pdu>>> SendKnockAsync(
        string peer, string roomId, string eventId, JsonObject knock, CancellationToken stop)
    {
        var sent = await SendAsync(peer, roomId, eventId, "knock", knock, stop);
        if (!sent.IsOk) return sent.Failure;
        var room = sent.Value.Room;
        var nids = StrippedState.Of(sent.Value.State, inviter: null)
            .Select(entry => EventNid.Of(room.Nid, entry.Ordinal)).ToArray();
        var events = await _events.GetManyAsync(room, nids, stop);
        return events.Select(stored => stored.Pdu).ToArray();
    }

    private ValueTask<RoomResult<(string Version, JsonObject Template)>> MakeAsync(
        string peer,
        string roomId,
        string userId,
        string membership,
        IReadOnlyCollection<string>? versions,
        CancellationToken stop)
    {
        RoomResult<JsonObject> content = JsonObject.OfSeq([("membership", Json.Of(membership))]);
        return _handshakes.MakeAsync(
            peer,
            roomId,
            userId,
            versions,
            async _ => await BarredAsync(membership, userId, roomId, stop) is { } barred
                ? barred
                : content,
            stop);
    }

    /// <summary>Why a policy list refuses the membership; anyone may leave.</summary>
    private ValueTask<RoomFailure?> BarredAsync(
        string membership, string userId, string roomId, CancellationToken stop) => membership == "leave"
            ? new((RoomFailure?)null)
            : _policies.RefusedJoinAsync(userId, roomId, stop);

    private async ValueTask<RoomResult<RoomSnapshot>> SendAsync(
        string peer, string roomId, string eventId, string membership, JsonObject json, CancellationToken stop)
    {
        var read = await _handshakes.ReadAsync(peer, roomId, eventId, membership, json, stop);
        if (!read.IsOk) return read.Failure;
        var sender = read.Value.Pdu.Sender;
        if (await BarredAsync(membership, sender, roomId, stop) is { } barred) return barred;
        var snapshot = read.Value.Room;
        var decided = await _receiver.DecideAsync(peer, snapshot.Room, read.Value.Event, stop);
        if (!decided.IsOk) return decided.Failure;
        return decided.Value is not null
            || await _events.ByIdAsync(snapshot.Room, eventId, stop) is { IsShown: true }
                ? snapshot
                : new RoomFailure(RoomFailureKind.BadState, "The events that the event follows are not known here.");
    }
}
