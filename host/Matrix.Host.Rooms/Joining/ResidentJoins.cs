using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.Room.Incoming;
using Matrix.Core.State;
using Matrix.Host.Rooms.Events;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;

namespace Matrix.Host.Rooms.Joining;

/// <summary>A room at a join through this server.</summary>
/// <param name="Join">The join, as this server stored it.</param>
/// <param name="State">The state before it.</param>
/// <param name="AuthChain">The auth chain of the join and of the state.</param>
public sealed record JoinedThroughHere(Pdu Join, IReadOnlyList<Pdu> State, IReadOnlyList<Pdu> AuthChain);

/// <summary>
/// Joins of other servers' users through this server, the resident one. Server-Server API, "Joining Rooms".
/// </summary>
public sealed class ResidentJoins
{
    private const string MemberType = "m.room.member";

    private readonly RoomSnapshots _rooms;
    private readonly RoomSender _sender;
    private readonly EventAppender _appender;
    private readonly RoomReceiver _receiver;
    private readonly SignatureChecker _signatures;
    private readonly EventStore _events;
    private readonly ServerAccess _access;
    private readonly ServedHistory _history;
    private readonly ReplacedState _replaced;
    private readonly RoomsOptions _options;

    internal ResidentJoins(
        RoomSnapshots rooms,
        RoomSender sender,
        EventAppender appender,
        RoomReceiver receiver,
        SignatureChecker signatures,
        EventStore events,
        ServerAccess access,
        ServedHistory history,
        ReplacedState replaced,
        RoomsOptions options)
    {
        _access = access;
        _history = history;
        _replaced = replaced;
        _options = options;
        _rooms = rooms;
        _sender = sender;
        _appender = appender;
        _receiver = receiver;
        _signatures = signatures;
        _events = events;
    }

    /// <summary>A template of a user's join, which their server completes and signs.</summary>
    /// <param name="peer">The user's server.</param>
    /// <param name="versions">The room versions that it supports.</param>
    /// <returns>The room version and the template.</returns>
    public async ValueTask<RoomResult<(string Version, JsonObject Template)>> MakeJoinAsync(
        string peer, string roomId, string userId, IReadOnlyCollection<string> versions, CancellationToken stop)
    {
        if (RoomNames.ServerOf(userId) != peer)
        {
            return new RoomFailure(RoomFailureKind.Forbidden, $"{userId} is not a user of {peer}.");
        }

        if (await _rooms.FindAsync(roomId, stop).ConfigureAwait(false) is not { Local.Joined.Count: > 0 } snapshot)
        {
            return NotHere;
        }

        if (await _access.DeniesAsync(peer, snapshot, stop).ConfigureAwait(false)) return ServerAccess.Denied;
        if (!versions.Contains(snapshot.Room.Rules.Id))
        {
            return new RoomFailure(
                RoomFailureKind.IncompatibleRoomVersion, $"The room has version {snapshot.Room.Rules.Id}.")
            {
                RoomVersion = snapshot.Room.Rules.Id,
            };
        }

        var content = JsonObject.OfSeq([("membership", Json.NewString("join"))]);
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
        return made.IsOk ? (snapshot.Room.Rules.Id, TemplateOf(made.Value)) : made.Failure;
    }

    /// <summary>Takes a join that a user's server signed, and returns the room's state before it.</summary>
    public async ValueTask<RoomResult<JoinedThroughHere>> SendJoinAsync(
        string peer, string roomId, string eventId, JsonObject json, CancellationToken stop)
    {
        if (await _rooms.FindAsync(roomId, stop).ConfigureAwait(false) is not { Local.Joined.Count: > 0 } snapshot)
        {
            return NotHere;
        }

        if (await _access.DeniesAsync(peer, snapshot, stop).ConfigureAwait(false)) return ServerAccess.Denied;
        var read = snapshot.Room.Rules.ReadReceived(json);
        if (read.Refusal is { } malformed) return RoomFailure.Of(malformed);
        var pdu = read.Value;
        if (IsNoJoinOf(pdu, peer, roomId, eventId) is { } refused) return refused;

        var received = await _signatures.CheckAsync(snapshot.Room.Rules, pdu, stop).ConfigureAwait(false);
        if (!ReceivedEventModule.isSignedBy(peer, received))
        {
            return new RoomFailure(RoomFailureKind.Forbidden, $"The join is not signed by {peer}.");
        }

        var decided = await _receiver.DecideAsync(peer, snapshot.Room, received, stop).ConfigureAwait(false);
        if (!decided.IsOk) return decided.Failure;

        var before = decided.Value?.StateBefore
            ?? await StateBeforeAsync(snapshot.Room, eventId, stop).ConfigureAwait(false);
        if (before is null)
        {
            return new RoomFailure(RoomFailureKind.BadState, "The events that the join follows are not known here.");
        }

        var served = await _history.StateAsync(snapshot.Room, before, pdu.Pdu, stop).ConfigureAwait(false);
        return new JoinedThroughHere(pdu.Pdu, served.State, served.AuthChain);
    }

    /// <summary>The state before a join that was accepted here earlier; null if it was not accepted.</summary>
    private async ValueTask<StateTree?> StateBeforeAsync(RoomIdentity room, string eventId, CancellationToken stop) =>
        await _events.ByIdAsync(room, eventId, stop).ConfigureAwait(false) is { IsShown: true } join
            ? await _replaced.StateBeforeAsync(room.Nid, join, stop).ConfigureAwait(false)
            : null;

    private static RoomFailure NotHere { get; } = new(
        RoomFailureKind.NotFound, "This server has no user in that room.");

    /// <summary>The members of an event that the other server keeps; it adds ids, hashes and signatures.</summary>
    private JsonObject TemplateOf(Pdu pdu)
    {
        if (!JsonText.TryParseStored(pdu.Canonical.Span, out var json))
        {
            throw new InvalidDataException("An event made here cannot be read.");
        }

        return JsonObject.OfSeq(
        [
            .. json.Members.Where(
                member => member.Item1 is not ("hashes" or "signatures" or "event_id" or "unsigned" or "origin")),
            ("origin", Json.NewString(_options.ServerName)),
        ]);
    }

    private static RoomFailure? IsNoJoinOf(ReceivedPdu pdu, string peer, string roomId, string eventId) =>
        pdu.EventId != eventId || pdu.RoomId != roomId
            ? new RoomFailure(RoomFailureKind.InvalidParam, "The event is not the one that the path names.")
        : pdu.Type != MemberType || pdu.Pdu.StateKey != pdu.Sender || pdu.Pdu.Content.Text("membership") != "join"
            ? new RoomFailure(RoomFailureKind.InvalidParam, "The event is no join of its sender.")
        : RoomNames.ServerOf(pdu.Sender) != peer
            ? new RoomFailure(RoomFailureKind.Forbidden, $"{pdu.Sender} is not a user of {peer}.")
        : null;
}
