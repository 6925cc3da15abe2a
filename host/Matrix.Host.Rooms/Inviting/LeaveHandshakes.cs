using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Slots;
using Matrix.Host.Rooms.Joining;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Stripped;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inviting;

/// <summary>
/// Leaves through a server in the room: `make_leave` and `send_leave` at one server after the other.
/// v1.19 server-server-api#leaving-rooms-rejecting-invites
/// </summary>
internal sealed partial class LeaveHandshakes(
    FederationOperations api,
    UserRequests requests,
    TemplateSigner signer,
    MemberContents contents,
    RoomsOptions options,
    TimeProvider time,
    ILogger<LeaveHandshakes> log)
{
    /// <summary>The leave that a server in the room took; null if none did within the time.</summary>
    internal async ValueTask<Pdu?> ThroughAnyAsync(
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
        if (!signed.IsOk) return RemoteFailures.InvalidTemplate(server, signed.Failure);
        var leave = signed.Value;
        var sent = await requests.SendAsync(
            who,
            server,
            within => api.SendLeaveAsync(server, row.RoomId, leave.EventId, EventJson.Of(leave), within),
            stop);
        return sent.IsOk ? leave : RemoteFailures.Of(server, sent.Failure!);
    }

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
        var servers = senders.Where(UserId.IsValid).Select(RoomNames.ServerOf).Prepend(row.Server);
        return HandshakeServers.Of(servers, options);
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "{UserId} left {RoomId} without the other servers learning of it: {Why}")]
    private partial void LeftAlone(string userId, string roomId, string why);
}
