using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Network.Slots;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

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
/// second request to join a room gets the result of the first. Joins belong to the room's shard, also if the room is
/// not known: when it closes, they are cancelled. v1.19 server-server-api#joining-rooms
/// </summary>
internal sealed class RemoteJoins(
    RoomSnapshots rooms,
    JoinHandshake handshake,
    JoinedRoomChecker checker,
    RoomArrivals arrivals,
    EnteringRooms entering,
    ProfilePropagation profiles,
    ShardGates gates,
    RoomsOptions options,
    TimeProvider time) : IDisposable
{
    /// <summary>The part of the joins that wait or run which one user or service may have.</summary>
    private const int PartOfOne = 4;

    /// <summary>The joins that run: the first one of a room, and one that was tired of waiting for it.</summary>
    private readonly JoinTurns _first = new(time);
    private readonly JoinTurns _beside = new(time);

    private readonly Lock _lock = new();
    private readonly Dictionary<(string RoomId, string UserId), (string Who, Task<RoomResult<string>?> Task)>
        _running = [];

    private readonly CancellationTokenSource _closing = new();

    /// <summary>
    /// Joins a room. A client that disconnects does not end the join, which other servers may have taken.
    /// </summary>
    /// <returns>The room's id; null if the room changed, so that the caller has to look at it again.</returns>
    /// <exception cref="StorageException">Another node has the room, or got it.</exception>
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

                var visit = gates.Enter(Authority.Room(join.RoomId));
                running = (join.Who, Task.Run(() => OnceAsync(join, visit), CancellationToken.None));
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
    }

    private int MostOfOne => Math.Max(1, options.MaxJoins / PartOfOne);

    private static RoomFailure Busy { get; } = new(
        RoomFailureKind.Busy, "Too many rooms are being joined through other servers.");

    private async Task<RoomResult<string>?> OnceAsync(RemoteJoin join, ShardVisit visit)
    {
        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(_closing.Token, visit.Closing);
            return await OneByOneAsync(join, either.Token);
        }
        catch (OperationCanceledException) when (visit.Closing.IsCancellationRequested)
        {
            throw ShardGates.NotOwned(Authority.Room(join.RoomId));
        }
        finally
        {
            lock (_lock) _running.Remove((join.RoomId, join.UserId));
            visit.Dispose();
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
        var timings = new JoinTimings(time);
        var made = await handshake.MakeAsync(server, join, snapshot, timings, stop);
        if (!made.IsOk) return made.Failure;
        var (rules, pdu, content) = made.Value;
        using var isEntering = join.IsResident ? null : entering.Begin(join.RoomId);
        var sent = await handshake.SendAsync(server, join.RoomId, pdu, timings, stop);
        if (!sent.IsOk) return sent.Failure;

        var returned = await checker.JoinAsync(server, rules, pdu, sent.Value.Event, stop);
        if (!returned.IsOk) return returned.Failure;
        var failure = join.IsResident
            ? await arrivals.ReceiveAsync(server, snapshot!, returned.Value.Pdu, stop)
            : await arrivals.EnterAsync(server, rules, returned.Value, sent.Value, timings, stop);
        if (failure is not null) return failure;

        await profiles.JoinedAsync(join.UserId, content);
        return null;
    }
}
