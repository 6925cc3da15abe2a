using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Slots;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>
/// Memberships that other servers take part in. A room that is known only by an invite or knock is left through a
/// server in it. v1.19 server-server-api#inviting-to-a-room, v1.19 server-server-api#knocking-rooms,
/// v1.19 server-server-api#leaving-rooms-rejecting-invites
/// </summary>
internal sealed partial class RemoteMemberships(
    RemoteInvites invites,
    FederationApi api,
    UserRequests requests,
    TemplateSigner signer,
    MemberContents contents,
    ReceivedStrippedState stripped,
    RoomSnapshots rooms,
    RoomReceiver receiver,
    StrippedRoomsTable strippedRoomsTable,
    IStorageWriter writer,
    RoomsOptions options,
    TimeProvider time,
    ILogger<RemoteMemberships> log) : IRemoteMemberships, IDisposable
{
    private readonly CancellationTokenSource _closing = new();

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
    }

    /// <inheritdoc/>
    public ValueTask<RoomFailure?> RefusedInviteAsync(
        RoomSnapshot room, string sender, string userId, CancellationToken stop) =>
        invites.RefusedAsync(
            room,
            Draft.State(EventTypes.Member, userId, sender, JsonObject.OfSeq([("membership", Json.Of("invite"))])),
            stop);

    /// <inheritdoc/>
    public ValueTask<RoomResult<string>> InviteAsync(
        RoomSnapshot room, string sender, string userId, JsonObject content, long? timestamp, CancellationToken stop) =>
        invites.InviteAsync(room, Draft.State(EventTypes.Member, userId, sender, content), timestamp, stop);

    /// <inheritdoc/>
    public async ValueTask<bool> LeaveAsync(
        string who, string userId, string roomId, string? reason, CancellationToken stop)
    {
        var row = await strippedRoomsTable.FindAsync(userId, roomId, stop);
        if (row is null) return false;
        if (!row.IsOpen) return true;

        var left = await LeftThroughAnyAsync(who, userId, row, reason, stop);
        var change = new StrippedRoomLeft(
            userId,
            roomId,
            row.EventId,
            userId,
            left?.EventId ?? row.EventId,
            left?.Canonical ?? ReadOnlyMemory<byte>.Empty,
            options.MaxEndedInvites)
        {
            EndedAt = left is null ? time.GetUtcNow().ToUnixTimeMilliseconds() : 0,
        };

        // Not cancelled: a server may have taken the leave.
        _ = await writer.WriteAsync(new WriteBatch(1).Add(change), CancellationToken.None);
        if (left is not null) await EnterAsync(row, left);
        return true;
    }

    /// <summary>
    /// Gives a leave to the room if the room is here: no other server sends it, since it is ours. The room fetches the
    /// invite that it follows, if that has not come yet.
    /// </summary>
    private async ValueTask EnterAsync(StrippedRoomRow row, Pdu left)
    {
        var found = await rooms.FindAsync(row.RoomId, CancellationToken.None);
        if (found is not { IsResident: true, Room: var room }) return;
        var read = room.Rules.ReadReceived(EventJson.Of(left));
        if (read.IsOk)
        {
            _ = await receiver.ReceiveAsync(row.Server, room, [read.Value], CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<RoomFailure?> KnockAsync(
        string who,
        string userId,
        string roomId,
        IReadOnlyList<string> servers,
        string? reason,
        CancellationToken stop)
    {
        using var clock = new CancellationTokenSource(options.HandshakeTime, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        RoomFailure? failure = null;
        try
        {
            var content = await contents.OfAsync(userId, "knock", reason, stop);
            foreach (var server in Candidates(servers))
            {
                var (refused, isOpen) = await KnockThroughAsync(who, server, userId, roomId, content, both.Token);
                if (refused is null) return null;
                failure = RemoteFailures.MoreTelling(failure, refused);

                // A knock that a server may have taken is not made again through another.
                if (isOpen || RemoteFailures.IsFinal(refused)) break;
            }
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            failure = RemoteFailures.MoreTelling(
                failure, new RoomFailure(RoomFailureKind.Unreachable, "The knock took too long."));
        }

        return failure ?? new RoomFailure(RoomFailureKind.NotFound, "No server is known that is in the room.");
    }

    /// <summary>
    /// Knocks through one server. The knock is stored before it is sent, so that neither a late response nor a restart
    /// loses it.
    /// </summary>
    /// <returns>The failure, and whether the server may have taken the knock nevertheless.</returns>
    private async ValueTask<(RoomFailure? Failure, bool IsOpen)> KnockThroughAsync(
        string who, string server, string userId, string roomId, JsonObject content, CancellationToken stop)
    {
        string[] versions = [.. RoomRules.Known, .. options.UnstableRoomVersions];
        var made = await requests.SendAsync(
            who, server, within => api.MakeKnockAsync(server, roomId, userId, versions, within), stop);
        if (!made.IsOk) return (RemoteFailures.PassedOn(server, made.Failure!), false);

        // The version is one of those that were offered.
        var rules = RoomRules.FindUnstable(made.Value.RoomVersion)!;
        var signed = signer.Sign(rules, roomId, userId, content, made.Value.Event);
        if (!signed.IsOk) return (NoTemplate(server, signed.Failure), false);
        var knock = signed.Value;
        var row = new StrippedRoomRow(
            roomId,
            rules.Id,
            server,
            Membership.Knock,
            userId,
            knock.EventId,
            knock.Canonical,
            await stripped.OfKnockAsync(rules, [], knock, stop),
            Position: 0);
        var entered = new StrippedRoomEntered(userId, row, options.MaxOpenInvites);
        var receipt = await writer.WriteAsync(new WriteBatch(1).Require(entered), stop);
        if (receipt.Refused)
        {
            return (
                new RoomFailure(RoomFailureKind.Forbidden, "You have too many open invites and knocks."), false);
        }

        // Goes on if the client has gone, or its time is over.
        return await Task.Run(() => SendKnockAsync(who, server, rules, knock), CancellationToken.None)
            .WaitAsync(stop);
    }

    private async Task<(RoomFailure? Failure, bool IsOpen)> SendKnockAsync(
        string who, string server, RoomRules rules, Pdu knock)
    {
        var closing = _closing.Token;
        var sent = await requests.SendAsync(
            who,
            server,
            within => api.SendKnockAsync(server, knock.RoomId, knock.EventId, EventJson.Of(knock), within),
            closing);
        if (sent.Failure is { } failure)
        {
            var isOpen = MayHaveBeenTaken(failure);
            if (!isOpen) await EndAsync(knock);
            return (RemoteFailures.PassedOn(server, failure), isOpen);
        }

        var state = await stripped.OfKnockAsync(rules, sent.Value, knock, closing);
        var described = new StrippedRoomDescribed(knock.Sender, knock.RoomId, knock.EventId, state);
        _ = await writer.WriteAsync(new WriteBatch(1).Add(described), closing);
        return default;
    }

    /// <summary>Whether a server may have done what a request asked for, although there is no response.</summary>
    private static bool MayHaveBeenTaken(FederationFailure failure) => failure.Kind switch
    {
        FederationFailureKind.Refused => failure.Status >= 500,
        FederationFailureKind.ServerDenied
            or FederationFailureKind.NotFound
            or FederationFailureKind.AddressRefused
            or FederationFailureKind.Tls => false,
        _ => true,
    };

    /// <summary>Ends a knock that the server refused.</summary>
    private async ValueTask EndAsync(Pdu knock)
    {
        var ended = new StrippedRoomLeft(
            knock.Sender,
            knock.RoomId,
            knock.EventId,
            knock.Sender,
            knock.EventId,
            ReadOnlyMemory<byte>.Empty,
            options.MaxEndedInvites)
        {
            EndedAt = time.GetUtcNow().ToUnixTimeMilliseconds(),
        };
        _ = await writer.WriteAsync(new WriteBatch(1).Add(ended), CancellationToken.None);
    }

    /// <inheritdoc/>
    public async ValueTask<RoomResult<bool>> ForgetAsync(string userId, string roomId, CancellationToken stop)
    {
        if (await strippedRoomsTable.FindAsync(userId, roomId, stop) is null) return false;
        var forget = new StrippedRoomForgotten(userId, roomId);
        var receipt = await writer.WriteAsync(new WriteBatch(1).Require(forget), stop);
        return receipt.Refused ? new RoomFailure(RoomFailureKind.BadState, $"You have not left {roomId}.") : true;
    }

    /// <summary>The leave that a server in the room took; null if none did within the time.</summary>
    private async ValueTask<Pdu?> LeftThroughAnyAsync(
        string who, string userId, StrippedRoomRow row, string? reason, CancellationToken stop)
    {
        using var clock = new CancellationTokenSource(options.HandshakeTime, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        var why = "no server is known that is in the room";
        try
        {
            var content = await contents.OfAsync(userId, "leave", reason, stop);
            foreach (var server in ServersOf(row))
            {
                var left = await LeftThroughAsync(who, server, userId, row, content, both.Token);
                if (left.IsOk) return left.Value;
                why = left.Failure.Message;
            }
        }
        catch (OperationCanceledException)
        {
            why = "it took too long";
        }

        LeftAlone(userId, row.RoomId, why);
        return null;
    }

    private async ValueTask<RoomResult<Pdu>> LeftThroughAsync(
        string who, string server, string userId, StrippedRoomRow row, JsonObject content, CancellationToken stop)
    {
        var made = await requests.SendAsync(
            who, server, within => api.MakeLeaveAsync(server, row.RoomId, userId, within), stop);
        if (!made.IsOk) return RemoteFailures.Of(server, made.Failure!);

        // A server that names no version has a room of version 1 or 2.
        var version = made.Value.RoomVersion;
        if ((version != row.Version && !(version == "1" && row.Version == "2"))
            || RoomRules.FindUnstable(row.Version) is not { } rules)
        {
            return RemoteFailures.Unusable(server, $"the room cannot have the version {version}");
        }

        var signed = signer.Sign(rules, row.RoomId, userId, content, made.Value.Event);
        if (!signed.IsOk) return NoTemplate(server, signed.Failure);
        var leave = signed.Value;
        var sent = await requests.SendAsync(
            who,
            server,
            within => api.SendLeaveAsync(server, row.RoomId, leave.EventId, EventJson.Of(leave), within),
            stop);
        return sent.IsOk ? leave : RemoteFailures.Of(server, sent.Failure!);
    }

    private static RoomFailure NoTemplate(string server, RoomFailure why) =>
        RemoteFailures.Unusable(server, $"the template is not valid: {why.Message}");

    /// <summary>
    /// Servers that may be in the room: the one of the invite or knock, then those of the stripped state.
    /// </summary>
    private IEnumerable<string> ServersOf(StrippedRoomRow row)
    {
        var senders = JsonText.TryParse(
            row.State.Span, Core.Json.Reading.Lenient, JsonText.FederationBodyLimits, out var state, out _)
            && state is Json.Array { Item: var events }
                ? events.OfType<Json.Object>().Select(each => each.Item.Text("sender")).OfType<string>()
                : [];
        return Candidates(senders.Where(UserId.IsValid).Select(RoomNames.ServerOf).Prepend(row.Server));
    }

    private IEnumerable<string> Candidates(IEnumerable<string> servers) => servers
        .Where(server => ServerName.IsValid(server) && server != options.ServerName)
        .Distinct()
        .Take(options.HandshakeCandidates);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{UserId} left {RoomId} without the other servers learning of it: {Why}")]
    private partial void LeftAlone(string userId, string roomId, string why);
}
