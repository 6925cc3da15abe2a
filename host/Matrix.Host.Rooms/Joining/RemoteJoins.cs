using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Rooms.Joining;

/// <summary>A join through other servers.</summary>
/// <param name="Servers">The servers to ask, in order.</param>
/// <param name="Reason">The event's `reason`; null for none.</param>
/// <param name="IsResident">Whether local users are in the room, and only other servers can allow the join.</param>
internal sealed record RemoteJoin(
    string UserId, string RoomId, IReadOnlyList<string> Servers, string? Reason, bool IsResident);

/// <summary>
/// Joins of local users through resident servers: `make_join` and `send_join` at one server after the other. At most
/// one join of a room runs at a time. Server-Server API, "Joining Rooms".
/// </summary>
internal sealed class RemoteJoins(
    FederationApi api,
    RoomSnapshots rooms,
    TemplateSigner signer,
    JoinedRoomChecker checker,
    RoomEntrance entrance,
    RoomReceiver receiver,
    EnteringRooms entering,
    MemberContents contents,
    ProfilePropagation profiles,
    RoomsOptions options,
    TimeProvider time) : IDisposable
{
    private const string AuthorisingUser = "join_authorised_via_users_server";

    private static readonly TimeSpan _decisionPoll = TimeSpan.FromMilliseconds(20);

    private readonly JoinGates _gates = new();
    private readonly SemaphoreSlim _slots = new(options.JoinsAtOnce, options.JoinsAtOnce);
    private readonly CancellationTokenSource _closing = new();

    /// <summary>
    /// Joins a room. A client that disconnects does not end the join, which other servers may have taken.
    /// </summary>
    /// <returns>The room's id; null if the room changed, so that the caller has to look at it again.</returns>
    internal Task<RoomResult<string>?> JoinAsync(RemoteJoin join, CancellationToken stop) =>
        Task.Run(() => OneByOneAsync(join, _closing.Token), CancellationToken.None).WaitAsync(stop);

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
        _slots.Dispose();
    }

    private async Task<RoomResult<string>?> OneByOneAsync(RemoteJoin join, CancellationToken closing)
    {
        using var held = await _gates.EnterAsync(join.RoomId, closing).ConfigureAwait(false);
        var snapshot = await rooms.FindAsync(join.RoomId, closing).ConfigureAwait(false);
        if (snapshot?.Local.IsJoined(join.UserId) == true) return join.RoomId;
        if (snapshot is { Local.Joined.Count: > 0 } != join.IsResident) return null;

        await _slots.WaitAsync(closing).ConfigureAwait(false);
        try
        {
            return await InTurnAsync(join, snapshot, closing).ConfigureAwait(false);
        }
        finally
        {
            _slots.Release();
        }
    }

    private async Task<RoomResult<string>> InTurnAsync(
        RemoteJoin join, RoomSnapshot? snapshot, CancellationToken closing)
    {
        using var clock = new CancellationTokenSource(options.JoinTime, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(closing, clock.Token);
        RoomFailure? failure = null;
        foreach (var server in join.Servers)
        {
            try
            {
                var joined = await ThroughAsync(server, join, snapshot, both.Token).ConfigureAwait(false);
                if (joined is null) return join.RoomId;
                failure = RemoteFailures.MoreTelling(failure, joined);
                if (RemoteFailures.IsFinal(joined)) return joined;
            }
            catch (OperationCanceledException) when (!closing.IsCancellationRequested)
            {
                failure = RemoteFailures.MoreTelling(
                    failure, RemoteFailures.Unusable(server, "the join took too long"));
                break;
            }
        }

        return failure ?? new RoomFailure(RoomFailureKind.NotFound, "No server is known that is in the room.");
    }

    /// <summary>Joins through one server; null if that succeeded.</summary>
    private async ValueTask<RoomFailure?> ThroughAsync(
        string server, RemoteJoin join, RoomSnapshot? snapshot, CancellationToken stop)
    {
        string[] versions = [.. RoomRules.Known, .. options.UnstableRoomVersions];
        var made = await api.MakeJoinAsync(server, join.RoomId, join.UserId, versions, stop).ConfigureAwait(false);
        if (!made.IsOk) return RemoteFailures.Of(server, made.Failure!);
        if (RoomRules.FindUnstable(made.Value.RoomVersion) is not { } rules
            || (snapshot is not null && snapshot.Room.Rules.Id != rules.Id))
        {
            return RemoteFailures.Unusable(server, $"the room cannot have the version {made.Value.RoomVersion}");
        }

        var content = await contents.OfAsync(join.UserId, "join", join.Reason, stop).ConfigureAwait(false);
        var signed = signer.Sign(
            rules, join.RoomId, join.UserId, WithAuthorisingUser(content, made.Value.Event), made.Value.Event);
        if (!signed.IsOk) return RemoteFailures.InvalidTemplate(server, signed.Failure);

        var pdu = signed.Value;
        using var isEntering = join.IsResident ? null : entering.Begin(join.RoomId);
        var sent = await api.SendJoinAsync(
            server, join.RoomId, pdu.EventId, TemplateSigner.Json(pdu), omitMembers: false, stop).ConfigureAwait(false);
        if (!sent.IsOk) return RemoteFailures.Of(server, sent.Failure!);

        if (join.IsResident)
        {
            var returned = await checker.JoinAsync(
                server, rules, pdu, sent.Value.Event, stop).ConfigureAwait(false);
            if (!returned.IsOk) return returned.Failure;
            var failure = await ReceiveAsync(server, snapshot!, returned.Value.Pdu, stop).ConfigureAwait(false);
            if (failure is not null) return failure;
        }
        else
        {
            var checkedRoom = await checker.CheckAsync(server, rules, pdu, sent.Value, stop).ConfigureAwait(false);
            if (!checkedRoom.IsOk) return checkedRoom.Failure;

            // Not cancelled by the clock: what is left is decided here.
            var failure = await entrance.EnterAsync(
                server, rules, checkedRoom.Value, _closing.Token).ConfigureAwait(false);
            if (failure is not null) return failure;
        }

        await profiles.JoinedAsync(join.UserId, content).ConfigureAwait(false);
        return null;
    }

    /// <summary>
    /// The content with the authorising user of the template, if it has one. Client-Server API, "Restricted rooms".
    /// </summary>
    private static JsonObject WithAuthorisingUser(JsonObject content, JsonObject template) =>
        JsonText.TryGet(template, "content", out var given)
        && given is Json.Object { Item: var of }
        && of.Text(AuthorisingUser) is { } user
        && UserId.isValid(user)
            ? JsonObject.OfSeq(content.Members.Append((AuthorisingUser, Json.NewString(user))))
            : content;

    /// <summary>
    /// Takes a join that another server accepted, in a room that is known here, and waits until it is decided; null if
    /// the user is joined.
    /// </summary>
    private async ValueTask<RoomFailure?> ReceiveAsync(
        string server, RoomSnapshot snapshot, Core.Event.Pdu join, CancellationToken stop)
    {
        var read = snapshot.Room.Rules.ReadReceived(join.Canonical);
        var received = await receiver.ReceiveAsync(server, snapshot.Room, [read.Value], stop).ConfigureAwait(false);
        if (!received.IsOk) return received.Failure;
        if (received.Value.TryGetValue(join.EventId, out var dropped)) return RemoteFailures.Unusable(server, dropped);
        var deadline = time.GetUtcNow() + options.JoinDecisionTime;
        while (time.GetUtcNow() < deadline)
        {
            var now = await rooms.FindAsync(snapshot.Room.Nid, stop).ConfigureAwait(false);
            if (now?.Local.IsJoined(join.Sender) == true) return null;
            await Task.Delay(_decisionPoll, time, stop).ConfigureAwait(false);
        }

        return new RoomFailure(
            RoomFailureKind.Forbidden, "This server does not allow the join, or lacks events for it.");
    }
}
