using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Storage.Tables.Memberships;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>
/// Invites of users of other servers: the invite is made in the room's lane, signed by the invited user's server too,
/// and then decided in the lane as an event that comes from there. The lane never waits for that server.
/// v1.19 server-server-api#inviting-to-a-room
/// </summary>
internal sealed class RemoteInvites(
    FederationOperations api,
    RoomLanes lanes,
    EventAppender appender,
    RoomReceiver receiver,
    SignatureChecker signatures,
    ServerSigner signer,
    RoomsOptions options,
    TimeProvider time) : IDisposable
{
    private readonly CancellationTokenSource _closing = new();

    /// <summary>An invite that this server has signed; or the id of the one that the user has already.</summary>
    private sealed record Made(string EventId, Pdu? Invite, IReadOnlyList<JsonObject> State);

    /// <summary>
    /// Invites a user. A client that disconnects does not end the invite, which the other server may have signed.
    /// </summary>
    internal async ValueTask<RoomResult<string>> InviteAsync(
        RoomSnapshot room, Draft invite, long? timestamp, CancellationToken stop) =>
        await Task.Run(() => WithinTimeAsync(room, invite, timestamp), CancellationToken.None)
            .WaitAsync(stop);

    /// <summary>Why the room does not allow an invite; null if it does. No other server is asked.</summary>
    internal async ValueTask<RoomFailure?> RefusedAsync(RoomSnapshot room, Draft invite, CancellationToken stop)
    {
        var made = await lanes.EnterAsync<Made>(
            room.Room.Nid, session => MakeAsync(session, invite, null, stop), stop);
        return made.IsOk ? null : made.Failure;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
    }

    private async Task<RoomResult<string>> WithinTimeAsync(RoomSnapshot room, Draft invite, long? timestamp)
    {
        var closing = _closing.Token;
        using var clock = new CancellationTokenSource(options.InviteTime, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(closing, clock.Token);
        try
        {
            return await AttemptsAsync(room, invite, timestamp, both.Token);
        }
        catch (OperationCanceledException) when (!closing.IsCancellationRequested)
        {
            return RemoteFailures.Unusable(RoomNames.ServerOf(invite.StateKey!), "the invite took too long");
        }
    }

    /// <summary>Makes the invite, again if the room changed so that it is not allowed as it was made.</summary>
    private async ValueTask<RoomResult<string>> AttemptsAsync(
        RoomSnapshot room, Draft invite, long? timestamp, CancellationToken stop)
    {
        var server = RoomNames.ServerOf(invite.StateKey!);
        for (var attempt = 1; ; attempt++)
        {
            var made = await lanes.EnterAsync<Made>(
                room.Room.Nid,
                session => MakeAsync(session, invite, timestamp, stop),
                stop);
            if (!made.IsOk) return made.Failure;
            if (made.Value.Invite is not { } pdu) return made.Value.EventId;

            var signed = await SignedAsync(server, room.Room.Rules, pdu, made.Value.State, stop);
            if (!signed.IsOk) return signed.Failure;

            // Not cancelled: the other server shows the invite already.
            var decided = await receiver.DecideAsync(
                signer.ServerName, room.Room, signed.Value, CancellationToken.None);
            if (decided is { IsOk: true, Value: not null }) return pdu.EventId;
            if (attempt == options.InviteAttempts)
            {
                return decided.Failure ?? new RoomFailure(
                    RoomFailureKind.BadState, "The room changed too often during the invite.");
            }
        }
    }

    private async ValueTask<RoomResult<Made>> MakeAsync(
        LaneSession session, Draft invite, long? timestamp, CancellationToken stop)
    {
        var inviter = await MembershipAsync(session, invite.Sender, stop);
        var member = await appender.State.EventAsync(session, EventTypes.Member, invite.StateKey!, stop);
        if (inviter == Membership.Join
            && member is not null
            && LaneState.MembershipOf(member.Pdu) == Membership.Invite)
        {
            return new Made(member.EventId, null, []);
        }

        var prepared = await EventAppender.PrepareAsync(session, stop);
        var made = await appender.DecideAsync(session, prepared, invite, timestamp, stop);
        if (!made.IsOk)
        {
            // Users who never were in the room get the failure of a room that does not exist.
            return inviter is null ? RoomFailure.Unknown : made.Failure;
        }

        var create = await appender.State.EventAsync(session, EventTypes.Create, "", stop);
        if (create!.Pdu.Content.IndexOf("m.federate") is >= 0 and var at
            && create.Pdu.Content.Value(at) is Json.Bool { Item: false })
        {
            return new RoomFailure(RoomFailureKind.Forbidden, "The room is closed to users of other servers.");
        }

        var state = new List<JsonObject>();
        foreach (var entry in StrippedState.Of(session.Pending.State, invite.Sender))
        {
            var stored = await appender.State.EventAsync(session, entry, stop);
            state.Add(EventJson.Of(stored!.Pdu));
        }

        return new Made(made.Value.EventId, made.Value, state);
    }

    private async ValueTask<Membership?> MembershipAsync(LaneSession session, string userId, CancellationToken stop) =>
        await appender.State.EventAsync(session, EventTypes.Member, userId, stop) is { } member
            ? LaneState.MembershipOf(member.Pdu)
            : null;

    /// <summary>The invite with the signatures of the invited user's server.</summary>
    private async ValueTask<RoomResult<ReceivedEvent>> SignedAsync(
        string server, RoomRules rules, Pdu invite, IReadOnlyList<JsonObject> state, CancellationToken stop)
    {
        var json = EventJson.Of(invite);
        var sent = await api.InviteAsync(server, invite.RoomId, invite.EventId, rules.Id, json, state, stop);
        if (!sent.IsOk) return FailureOf(server, sent.Failure!);

        var own = rules.ReadReceived(json).Value;
        var returned = rules.ReadReceived(sent.Value);
        if (!returned.IsOk
            || returned.Value.EventId != own.EventId
            || !returned.Value.SignedBytes.Span.SequenceEqual(own.SignedBytes.Span))
        {
            return RemoteFailures.Unusable(server, "the returned event is not the invite");
        }

        var found = await signatures.CheckAsync(
            rules,
            returned.Value.Signatures,
            new HashSet<string> { server },
            own.SignedBytes,
            own.OriginServerTs,
            stop);
        var valid = found.Where(each => each.Fate == SignatureFate.Valid).ToArray();
        if (valid.Length == 0 || Array.Exists(found, each => each.Fate == SignatureFate.Invalid))
        {
            return RemoteFailures.Unusable(server, "the returned invite is not validly signed");
        }

        // Only the signatures are taken of the returned event.
        foreach (var each in valid) json = EventJson.Signed(json, each.Signature);
        var both = rules.ReadReceived(json).Value;
        return ReceivedEvent.OfPdu(
            both, Array.ConvertAll(both.Signatures, each => new CheckedSignature(each, SignatureFate.Valid)));
    }

    /// <summary>
    /// The failure for the client. A server that finds the request itself malformed says nothing that a client could
    /// act on.
    /// </summary>
    private static RoomFailure FailureOf(string server, FederationFailure failure) =>
        failure is { Kind: FederationFailureKind.Refused, ErrorCode: "M_INVITE_BLOCKED" }
            ? new RoomFailure(RoomFailureKind.InviteBlocked, $"{server}: {failure.Message}")
            : failure is { Kind: FederationFailureKind.Refused, ErrorCode: "M_UNSUPPORTED_ROOM_VERSION" }
                ? new RoomFailure(RoomFailureKind.IncompatibleRoomVersion, $"{server}: {failure.Message}")
                : RemoteFailures.Of(server, failure);
}
