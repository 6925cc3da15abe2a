using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient.Operations;

namespace Matrix.Host.Rooms.Joining;

/// <summary>
/// Leaves of local users from rooms in which this server has no user, such as rejected invites and retracted knocks:
/// `make_leave` and `send_leave` at one server after the other. Server-Server API, "Leaving Rooms (Rejecting Invites)".
/// </summary>
public sealed class RemoteLeaves
{
    private readonly FederationApi _api;
    private readonly TemplateSigner _signer;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;

    internal RemoteLeaves(FederationApi api, TemplateSigner signer, RoomsOptions options, TimeProvider time)
    {
        _api = api;
        _signer = signer;
        _options = options;
        _time = time;
    }

    /// <summary>Leaves a room through the first of these servers that takes the leave.</summary>
    /// <param name="version">The room's version, as the invite or knock said.</param>
    /// <param name="servers">The servers to ask, such as that of the invite's sender.</param>
    /// <param name="reason">The event's `reason`; null for none.</param>
    /// <returns>The leave that the server took.</returns>
    public async ValueTask<RoomResult<Pdu>> LeaveAsync(
        string userId,
        string roomId,
        string version,
        IReadOnlyList<string> servers,
        string? reason,
        CancellationToken stop)
    {
        if (RoomRules.FindUnstable(version) is not { } rules)
        {
            return new RoomFailure(
                RoomFailureKind.UnsupportedRoomVersion, $"This server does not know the room version `{version}`.");
        }

        using var clock = new CancellationTokenSource(_options.JoinTime, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(stop, clock.Token);
        RoomFailure? failure = null;
        foreach (var server in servers.Where(IsOther).Distinct().Take(_options.JoinCandidates))
        {
            try
            {
                var left = await ThroughAsync(server, userId, roomId, rules, reason, both.Token).ConfigureAwait(false);
                if (left.IsOk) return left;
                failure = RemoteFailures.MoreTelling(failure, left.Failure);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                failure = RemoteFailures.MoreTelling(
                    failure, RemoteFailures.Unusable(server, "the leave took too long"));
                break;
            }
        }

        return failure ?? new RoomFailure(RoomFailureKind.NotFound, "No server is known that is in the room.");
    }

    private bool IsOther(string server) => ServerName.isValid(server) && server != _options.ServerName;

    private async ValueTask<RoomResult<Pdu>> ThroughAsync(
        string server, string userId, string roomId, RoomRules rules, string? reason, CancellationToken stop)
    {
        var made = await _api.MakeLeaveAsync(server, roomId, userId, stop).ConfigureAwait(false);
        if (!made.IsOk) return RemoteFailures.Of(server, made.Failure!);

        // Old servers do not say the version, which then reads as 1.
        if (made.Value.RoomVersion != rules.Id && made.Value.RoomVersion != "1")
        {
            return RemoteFailures.Unusable(server, $"the room's version is {rules.Id}, not {made.Value.RoomVersion}");
        }

        List<(string, Json)> content = [("membership", Json.NewString("leave"))];
        if (reason is not null) content.Add(("reason", Json.NewString(reason)));
        var signed = _signer.Sign(rules, roomId, userId, JsonObject.OfSeq(content), made.Value.Event);
        if (!signed.IsOk) return RemoteFailures.InvalidTemplate(server, signed.Failure);
        var sent = await _api.SendLeaveAsync(
            server, roomId, signed.Value.EventId, TemplateSigner.Json(signed.Value), stop).ConfigureAwait(false);
        return sent.IsOk ? signed : RemoteFailures.Of(server, sent.Failure!);
    }
}
