using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.Room.Incoming;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>
/// Leaves and knocks of other servers' users through this server, the resident one. Server-Server API, "Leaving Rooms
/// (Rejecting Invites)" and "Knocking upon a room".
/// </summary>
public sealed class ResidentMemberships
{
    private const string MemberType = "m.room.member";

    private readonly RoomSnapshots _rooms;
    private readonly ServerAccess _access;
    private readonly RoomSender _sender;
    private readonly EventAppender _appender;
    private readonly RoomReceiver _receiver;
    private readonly SignatureChecker _signatures;
    private readonly EventStore _events;
    private readonly RoomsOptions _options;

    internal ResidentMemberships(
        RoomSnapshots rooms,
        ServerAccess access,
        RoomSender sender,
        EventAppender appender,
        RoomReceiver receiver,
        SignatureChecker signatures,
        EventStore events,
        RoomsOptions options)
    {
        _rooms = rooms;
        _access = access;
        _sender = sender;
        _appender = appender;
        _receiver = receiver;
        _signatures = signatures;
        _events = events;
        _options = options;
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
        (await SendAsync(peer, roomId, eventId, "leave", leave, stop).ConfigureAwait(false)).Failure;

    /// <summary>Takes a knock that a user's server signed.</summary>
    /// <returns>The events that identify the room, whole.</returns>
    public async ValueTask<RoomResult<IReadOnlyList<Pdu>>> SendKnockAsync(
        string peer, string roomId, string eventId, JsonObject knock, CancellationToken stop)
    {
        var sent = await SendAsync(peer, roomId, eventId, "knock", knock, stop).ConfigureAwait(false);
        if (!sent.IsOk) return sent.Failure;
        var room = sent.Value.Room;
        var nids = StrippedState.Of(sent.Value.State, inviter: null)
            .Select(entry => EventNid.Of(room.Nid, entry.Ordinal)).ToArray();
        var events = await _events.GetManyAsync(room, nids, stop).ConfigureAwait(false);
        return events.Select(stored => stored.Pdu).ToArray();
    }

    private static RoomFailure NotHere { get; } = new(
        RoomFailureKind.NotFound, "This server has no user in that room.");

    private static RoomFailure Invalid(string message) => new(RoomFailureKind.InvalidParam, message);

    private async ValueTask<RoomResult<(string Version, JsonObject Template)>> MakeAsync(
        string peer,
        string roomId,
        string userId,
        string membership,
        IReadOnlyCollection<string>? versions,
        CancellationToken stop)
    {
        if (RoomNames.ServerOf(userId) != peer)
        {
            return new RoomFailure(RoomFailureKind.Forbidden, $"{userId} is not a user of {peer}.");
        }

        var found = await FindAsync(peer, roomId, stop).ConfigureAwait(false);
        if (!found.IsOk) return found.Failure;
        var snapshot = found.Value;
        var version = snapshot.Room.Rules.Id;
        if (versions is not null && !versions.Contains(version))
        {
            return new RoomFailure(RoomFailureKind.IncompatibleRoomVersion, $"The room has version {version}.")
            {
                RoomVersion = version,
            };
        }

        var content = JsonObject.OfSeq([("membership", Json.NewString(membership))]);
        var made = await _sender.InLaneAsync<Pdu>(
            snapshot.Room.Nid,
            async session =>
            {
                var prepared = await EventAppender.PrepareAsync(session, stop).ConfigureAwait(false);
                return await _appender.DecideAsync(
                    session, prepared, Draft.State(MemberType, userId, userId, content), null, stop)
                    .ConfigureAwait(false);
            },
            stop).ConfigureAwait(false);
        return made.IsOk ? (version, TemplateOf(made.Value)) : made.Failure;
    }

    private async ValueTask<RoomResult<RoomSnapshot>> SendAsync(
        string peer, string roomId, string eventId, string membership, JsonObject json, CancellationToken stop)
    {
        var found = await FindAsync(peer, roomId, stop).ConfigureAwait(false);
        if (!found.IsOk) return found;
        var room = found.Value.Room;
        var read = room.Rules.ReadReceived(json);
        if (read.Refusal is { } malformed) return RoomFailure.Of(malformed);
        var pdu = read.Value;
        if (FaultOf(pdu, peer, roomId, eventId, membership) is { } fault) return fault;

        var received = await _signatures.CheckAsync(room.Rules, pdu, stop).ConfigureAwait(false);
        if (!ReceivedEventModule.isSignedBy(peer, received)
            || !Array.TrueForAll(received.RequiredSigners, server => ReceivedEventModule.isSignedBy(server, received)))
        {
            return Invalid($"The event is not validly signed by {peer}.");
        }

        var decided = await _receiver.DecideAsync(peer, room, received, stop).ConfigureAwait(false);
        if (!decided.IsOk) return decided.Failure;
        return decided.Value is not null
            || await _events.ByIdAsync(room, eventId, stop).ConfigureAwait(false) is { IsShown: true }
                ? found
                : new RoomFailure(RoomFailureKind.BadState, "The events that the event follows are not known here.");
    }

    /// <summary>The room, if this server has a user in it and the room is open to the peer.</summary>
    private async ValueTask<RoomResult<RoomSnapshot>> FindAsync(string peer, string roomId, CancellationToken stop)
    {
        if (await _rooms.FindAsync(roomId, stop).ConfigureAwait(false) is not { Local.Joined.Count: > 0 } snapshot)
        {
            return NotHere;
        }

        return await _access.DeniesAsync(peer, snapshot, stop).ConfigureAwait(false) ? ServerAccess.Denied : snapshot;
    }

    private static RoomFailure? FaultOf(
        ReceivedPdu pdu, string peer, string roomId, string eventId, string membership) =>
        pdu.EventId != eventId || pdu.RoomId != roomId
            ? Invalid("The event is not the one that the path names.")
        : pdu.Type != MemberType
            || pdu.Pdu.StateKey != pdu.Sender
            || pdu.Pdu.Content.Text("membership") != membership
            ? Invalid($"The event is no {membership} of its sender.")
        : RoomNames.ServerOf(pdu.Sender) != peer
            ? Invalid($"{pdu.Sender} is not a user of {peer}.")
        : null;

    /// <summary>The members of an event that the other server keeps; it adds ids, hashes and signatures.</summary>
    private JsonObject TemplateOf(Pdu pdu) => JsonObject.OfSeq(
    [
        .. EventJson.Of(pdu).Members.Where(
            member => member.Item1 is not ("hashes" or "signatures" or "event_id" or "unsigned" or "origin")),
        ("origin", Json.NewString(_options.ServerName)),
    ]);
}
