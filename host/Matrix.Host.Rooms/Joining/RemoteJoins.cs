using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Network.Slots;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Stripped;

namespace Matrix.Host.Rooms.Joining;

/// <summary>A join through other servers.</summary>
/// <param name="Who">The user or application service that causes it.</param>
/// <param name="Servers">The servers to ask, in order.</param>
/// <param name="Reason">The event's `reason`; null for none.</param>
/// <param name="IsResident">Whether local users are in the room, and only other servers can allow the join.</param>
internal sealed record RemoteJoin(
    string UserId, string Who, string RoomId, IReadOnlyList<string> Servers, string? Reason, bool IsResident);

/// <summary>
/// Joins of local users through resident servers: `make_join` and `send_join` at one server after the other. A join
/// waits for another one of the room, which may bring the room here, but not for long: then it runs beside it. A user's
/// second request to join a room gets the result of the first. Few joins are checked and stored at a time; they do not
/// hold their place while they wait for other servers. v1.19 server-server-api#joining-rooms
/// </summary>
internal sealed class RemoteJoins(
    FederationApi api,
    UserRequests requests,
    RoomSnapshots rooms,
    TemplateSigner signer,
    JoinedRoomChecker checker,
    JoinedRoomWriter entrance,
    RoomReceiver receiver,
    EnteringRooms entering,
    MemberContents contents,
    ProfilePropagation profiles,
    RoomsOptions options,
    TimeProvider time) : IDisposable
{
    /// <summary>The part of the joins that wait or run which one user or service may have.</summary>
    private const int PartOfOne = 4;

    private static readonly TimeSpan _decisionPoll = TimeSpan.FromMilliseconds(20);

    /// <summary>The joins that run: the first one of a room, and one that was tired of waiting for it.</summary>
    private readonly JoinTurns _first = new(time);
    private readonly JoinTurns _beside = new(time);

    /// <summary>One join at a time makes a room.</summary>
    private readonly JoinTurns _entrances = new(time);
    private readonly Lock _lock = new();
    private readonly Dictionary<(string RoomId, string UserId), (string Who, Task<RoomResult<string>?> Task)>
        _running = [];

    /// <summary>The places of joins that are checked and stored.</summary>
    private readonly SemaphoreSlim _slots = new(options.JoinsAtOnce, options.JoinsAtOnce);
    private readonly CancellationTokenSource _closing = new();

    /// <summary>
    /// Joins a room. A client that disconnects does not end the join, which other servers may have taken.
    /// </summary>
    /// <returns>The room's id; null if the room changed, so that the caller has to look at it again.</returns>
    internal Task<RoomResult<string>?> JoinAsync(RemoteJoin join, CancellationToken stop)
    {
        (string Who, Task<RoomResult<string>?> Task) running;
        lock (_lock)
        {
            if (!_running.TryGetValue((join.RoomId, join.UserId), out running))
            {
                if (_running.Count >= options.MaxJoins
                    || _running.Values.Count(each => each.Who == join.Who) >= MostOfOne)
                {
                    return Task.FromResult<RoomResult<string>?>(Busy);
                }

                running = (join.Who, Task.Run(() => OnceAsync(join), CancellationToken.None));
                _running.Add((join.RoomId, join.UserId), running);
            }
        }

        return running.Task.WaitAsync(stop);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
        _slots.Dispose();
    }

    private int MostOfOne => Math.Max(1, options.MaxJoins / PartOfOne);

    private static RoomFailure Busy { get; } = new(
        RoomFailureKind.Busy, "Too many rooms are being joined through other servers.");

    private async Task<RoomResult<string>?> OnceAsync(RemoteJoin join)
    {
        try
        {
            return await OneByOneAsync(join, _closing.Token);
        }
        finally
        {
            lock (_lock) _running.Remove((join.RoomId, join.UserId));
        }
    }

    private async Task<RoomResult<string>?> OneByOneAsync(RemoteJoin join, CancellationToken closing)
    {
        using var turn = await EnterAsync(join.RoomId, closing);
        var snapshot = await rooms.FindAsync(join.RoomId, closing);
        if (snapshot?.Local.IsJoined(join.UserId) == true) return join.RoomId;
        if (IsResident(snapshot) != join.IsResident) return null;
        var joined = await InTurnAsync(join, snapshot, closing);
        if (joined.IsOk || join.IsResident) return joined;

        // The join beside this one may have brought the room here.
        var now = await rooms.FindAsync(join.RoomId, closing);
        return IsResident(now) ? default(RoomResult<string>?) : joined;
    }

    /// <summary>Waits for one of the two places for joins of a room, whichever is free first.</summary>
    private async Task<IDisposable> EnterAsync(string roomId, CancellationToken closing)
    {
        while (true)
        {
            if (await _first.TryEnterAsync(roomId, options.JoinPatience, closing) is { } first)
            {
                return first;
            }

            if (await _beside.TryEnterAsync(roomId, options.JoinPatience, closing) is { } beside)
            {
                return beside;
            }
        }
    }

    private static bool IsResident(RoomSnapshot? snapshot) => snapshot is { IsResident: true };

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
                var joined = await ThroughAsync(server, join, snapshot, both.Token);
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
        var stages = new JoinTimings(time);
        string[] versions = [.. RoomRules.Known, .. options.UnstableRoomVersions];
        var made = await requests.SendAsync(
            join.Who,
            server,
            within => api.MakeJoinAsync(server, join.RoomId, join.UserId, versions, within),
            stop);
        if (!made.IsOk) return RemoteFailures.PassedOn(server, made.Failure!);
        stages.Ended("template");
        if (RoomRules.FindUnstable(made.Value.RoomVersion) is not { } rules
            || (snapshot is not null && snapshot.Room.Rules.Id != rules.Id))
        {
            return RemoteFailures.Unusable(server, $"the room cannot have the version {made.Value.RoomVersion}");
        }

        var authorisingUser = AuthorisingUserOf(made.Value.Event);
        if (authorisingUser is not null && RoomNames.ServerOf(authorisingUser) != server)
        {
            // This server's signature must not authorise a join whose conditions it has not checked.
            return RemoteFailures.Unusable(server, $"the authorising user {authorisingUser} is not one of its users");
        }

        var content = RestrictedJoins.WithAuthorisingUser(
            await contents.OfAsync(join.UserId, "join", join.Reason, stop), authorisingUser);
        var signed = signer.Sign(rules, join.RoomId, join.UserId, content, made.Value.Event);
        if (!signed.IsOk) return RemoteFailures.InvalidTemplate(server, signed.Failure);

        var pdu = signed.Value;
        using var isEntering = join.IsResident ? null : entering.Begin(join.RoomId);
        var sent = await api.SendJoinAsync(
            server, join.RoomId, pdu.EventId, EventJson.Of(pdu), omitMembers: false, stop);
        if (!sent.IsOk) return RemoteFailures.PassedOn(server, sent.Failure!);
        stages.Ended("response");

        var returned = await checker.JoinAsync(server, rules, pdu, sent.Value.Event, stop);
        if (!returned.IsOk) return returned.Failure;
        var failure = join.IsResident
            ? await ReceiveAsync(server, snapshot!, returned.Value.Pdu, stop)
            : await EnterAsync(server, rules, returned.Value, sent.Value, stages, stop);
        if (failure is not null) return failure;

        await profiles.JoinedAsync(join.UserId, content);
        return null;
    }

    /// <summary>Checks and stores the room that a server returned; null if that succeeded.</summary>
    private async ValueTask<RoomFailure?> EnterAsync(
        string server,
        RoomRules rules,
        ReceivedEvent join,
        JoinedRoom response,
        JoinTimings stages,
        CancellationToken stop)
    {
        RoomResult<ReadRoom> read;
        using (await SlotAsync())
        {
            read = await checker.ReadAsync(server, rules, join.Pdu.RoomId, response, stop);
        }

        if (!read.IsOk) return read.Failure;
        stages.Ended("read");
        var withoutKeys = await checker.FetchKeysAsync(rules, read.Value, stop);
        stages.Ended("keys");
        var whole = await checker.MendAsync(server, rules, read.Value, _closing.Token);
        using var alone = await _entrances.EnterAsync(join.Pdu.RoomId, _closing.Token);

        // Not cancelled by the clock from here on: the other server has taken the join.
        var known = await rooms.FindAsync(join.Pdu.RoomId, _closing.Token);
        if (IsResident(known))
        {
            // The state that the other join returned may have this one.
            return known!.Local.IsJoined(join.Pdu.Sender)
                ? null
                : await ReceiveAsync(server, known, join.Pdu, _closing.Token);
        }

        using (await SlotAsync())
        {
            var room = await checker.CheckAsync(server, rules, join, whole, withoutKeys, _closing.Token);
            if (!room.IsOk) return room.Failure;
            stages.Ended("signatures");
            var failure = await entrance.EnterAsync(server, rules, room.Value, stages, _closing.Token);
            if (failure is null) entering.Arrived(join.Pdu.RoomId);
            return failure;
        }
    }

    /// <summary>Waits for one of the places. Not cancelled by the clock: the other server has taken the join.</summary>
    private async ValueTask<Slot> SlotAsync()
    {
        await _slots.WaitAsync(_closing.Token);
        return new Slot(_slots);
    }

    private readonly record struct Slot(SemaphoreSlim Slots) : IDisposable
    {
        public void Dispose() => Slots.Release();
    }

    /// <summary>The authorising user of a template; null for none. v1.19 client-server-api#restricted-rooms</summary>
    private static string? AuthorisingUserOf(JsonObject template) =>
        JsonText.TryGet(template, "content", out var given)
        && given is Json.Object { Item: var of }
        && of.Text(RestrictedJoins.AuthorisingUser) is { } user
        && UserId.IsValid(user)
            ? user
            : null;

    /// <summary>
    /// Takes a join that another server accepted, in a room that is known here, and waits until it is decided; null if
    /// the user is joined.
    /// </summary>
    private async ValueTask<RoomFailure?> ReceiveAsync(
        string server, RoomSnapshot snapshot, Core.Event.Pdu join, CancellationToken stop)
    {
        var read = snapshot.Room.Rules.ReadReceived(join.Canonical);
        if (read.Refusal is { } refusal) return RemoteFailures.Unusable(server, refusal.Reason);
        var received = await receiver.ReceiveAsync(server, snapshot.Room, [read.Value], stop);
        if (!received.IsOk) return received.Failure;
        if (received.Value.Dropped.TryGetValue(join.EventId, out var dropped))
        {
            return RemoteFailures.Unusable(server, dropped.ToString());
        }

        var deadline = time.GetUtcNow() + options.JoinDecisionTime;
        while (time.GetUtcNow() < deadline)
        {
            var now = await rooms.FindAsync(snapshot.Room.Nid, stop);
            if (now?.Local.IsJoined(join.Sender) == true) return null;
            await Task.Delay(_decisionPoll, time, stop);
        }

        return new RoomFailure(
            RoomFailureKind.Forbidden, "This server does not allow the join, or lacks events for it.");
    }
}
