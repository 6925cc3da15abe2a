using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Servers;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Stripped;

namespace Matrix.Host.Rooms.Joining;

/// <summary>A membership event that another server signed, with its signatures checked.</summary>
/// <param name="Json">The event as it came.</param>
/// <param name="Pdu">The event as it was read.</param>
internal sealed record SignedMembership(RoomSnapshot Room, JsonObject Json, ReceivedPdu Pdu, ReceivedEvent Event);

/// <summary>
/// What joins, leaves and knocks through this server, the resident one, have in common: the template, and the checks of
/// the event that the other server makes of it.
/// </summary>
internal sealed class ResidentHandshakes(
    RoomSnapshots rooms,
    ServerAccess access,
    RoomLanes lanes,
    EventAppender appender,
    SignatureChecker signatures,
    RoomsOptions options)
{
    private static RoomFailure NotHere { get; } = new(
        RoomFailureKind.NotFound, "This server has no user in that room.");

    /// <summary>A template of a user's membership event.</summary>
    /// <param name="peer">The user's server.</param>
    /// <param name="versions">The room versions that it supports; null for all.</param>
    /// <param name="content">Makes the event's content, in the room's lane.</param>
    /// <returns>The room version and the template.</returns>
    internal async ValueTask<RoomResult<(string Version, JsonObject Template)>> MakeAsync(
        string peer,
        string roomId,
        string userId,
        IReadOnlyCollection<string>? versions,
        Func<LaneSession, ValueTask<RoomResult<JsonObject>>> content,
        CancellationToken stop)
    {
        if (RoomNames.ServerOf(userId) != peer)
        {
            return new RoomFailure(RoomFailureKind.Forbidden, $"{userId} is not a user of {peer}.");
        }

        var found = await FindAsync(peer, roomId, stop);
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

        var made = await lanes.EnterAsync<Pdu>(
            snapshot.Room.Nid,
            async session =>
            {
                var wanted = await content(session);
                if (!wanted.IsOk) return wanted.Failure;
                var prepared = await EventAppender.PrepareAsync(session, stop);
                return await appender.DecideAsync(
                    session, prepared, Draft.State(EventTypes.Member, userId, userId, wanted.Value), null, stop);
            },
            stop);
        return made.IsOk ? (version, TemplateOf(made.Value)) : made.Failure;
    }

    /// <summary>Checks a membership event of a user of another server, as that server sent it.</summary>
    internal async ValueTask<RoomResult<SignedMembership>> ReadAsync(
        string peer, string roomId, string eventId, string membership, JsonObject json, CancellationToken stop)
    {
        var found = await FindAsync(peer, roomId, stop);
        if (!found.IsOk) return found.Failure;
        var rules = found.Value.Room.Rules;
        var read = rules.ReadReceived(json);
        if (read.Refusal is { } malformed) return RoomFailure.Of(malformed);
        var pdu = read.Value;
        if (FaultOf(pdu, peer, roomId, eventId, membership) is { } fault) return fault;

        var received = await signatures.CheckAsync(rules, pdu, stop, sentBy: peer);
        return received.IsSignedBy(peer)
            && Array.TrueForAll(received.RequiredSigners, server => received.IsSignedBy(server))
                ? new SignedMembership(found.Value, json, pdu, received)
                : Invalid($"The event is not validly signed by {peer}.");
    }

    private static RoomFailure Invalid(string message) => new(RoomFailureKind.InvalidParam, message);

    /// <summary>The room, if this server has a user in it and the room is open to the peer.</summary>
    private async ValueTask<RoomResult<RoomSnapshot>> FindAsync(string peer, string roomId, CancellationToken stop)
    {
        if (await rooms.FindAsync(roomId, stop) is not { IsResident: true } snapshot)
        {
            return NotHere;
        }

        return await access.DeniesAsync(peer, snapshot, stop) ? ServerAccess.Denied : snapshot;
    }

    private static RoomFailure? FaultOf(
        ReceivedPdu pdu, string peer, string roomId, string eventId, string membership) =>
        pdu.EventId != eventId || pdu.RoomId != roomId
            ? Invalid("The event is not the one that the path names.")
        : pdu.Type != EventTypes.Member
            || pdu.Pdu.StateKey != pdu.Sender
            || pdu.Pdu.Content.Text("membership") != membership
            ? Invalid($"The event is no {membership} of its sender.")
        : RoomNames.ServerOf(pdu.Sender) != peer
            ? Invalid($"{pdu.Sender} is not a user of {peer}.")
        : pdu.HashHolds
            ? null
        : Invalid("The event does not have its content hash.");

    /// <summary>The members of an event that the other server keeps; it adds ids, hashes and signatures.</summary>
    private JsonObject TemplateOf(Pdu pdu) => JsonObject.OfSeq(
    [
        .. EventJson.Of(pdu).Members.Where(
            member => member.Item1 is not ("hashes" or "signatures" or "event_id" or "unsigned" or "origin")),
        ("origin", Json.Of(options.ServerName)),
    ]);
}
