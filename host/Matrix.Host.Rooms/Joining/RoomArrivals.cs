using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Room.Incoming.Protocol;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Rooms.Inbound;
using Matrix.Host.Rooms.Snapshots;

namespace Matrix.Host.Rooms.Joining;

/// <summary>
/// Takes a join that another server accepted: with the whole room, which it returned, or in a room that is known here.
/// Few rooms are checked and stored at a time; they do not hold their place while they wait for other servers.
/// </summary>
internal sealed class RoomArrivals(
    RoomSnapshots rooms,
    JoinedRoomChecker checker,
    JoinedRoomWriter writer,
    RoomReceiver receiver,
    EnteringRooms entering,
    RoomsOptions options,
    TimeProvider time) : IDisposable
{
    private static readonly TimeSpan _decisionPoll = TimeSpan.FromMilliseconds(20);

    /// <summary>One join at a time makes a room.</summary>
    private readonly JoinTurns _turns = new(time);

    /// <summary>The places of joins that are checked and stored.</summary>
    private readonly SemaphoreSlim _slots = new(options.JoinsAtOnce, options.JoinsAtOnce);
    private readonly CancellationTokenSource _closing = new();

    /// <inheritdoc/>
    public void Dispose()
    {
        _closing.Cancel();
        _closing.Dispose();
        _slots.Dispose();
    }

    /// <summary>Checks and stores the room that a server returned; null if that succeeded.</summary>
    internal async ValueTask<RoomFailure?> EnterAsync(
        string server,
        RoomRules rules,
        ReceivedEvent join,
        JoinedRoom response,
        JoinTimings timings,
        CancellationToken stop)
    {
        RoomResult<ReadRoom> read;
        using (await SlotAsync())
        {
            read = await checker.ReadAsync(server, rules, join.Pdu.RoomId, response, stop);
        }

        if (!read.IsOk) return read.Failure;
        timings.Ended("read");
        var withoutKeys = await checker.FetchKeysAsync(rules, read.Value, stop);
        timings.Ended("keys");
        var whole = await checker.MendAsync(server, rules, read.Value, _closing.Token);
        using var alone = await _turns.EnterAsync(join.Pdu.RoomId, _closing.Token);

        // Not cancelled by the clock from here on: the other server has taken the join.
        var known = await rooms.FindAsync(join.Pdu.RoomId, _closing.Token);
        if (known is { IsResident: true })
        {
            // The state that the other join returned may have this one.
            return known.Local.IsJoined(join.Pdu.Sender)
                ? null
                : await ReceiveAsync(server, known, join.Pdu, _closing.Token);
        }

        using (await SlotAsync())
        {
            var room = await checker.CheckAsync(server, rules, join, whole, withoutKeys, _closing.Token);
            if (!room.IsOk) return room.Failure;
            timings.Ended("signatures");
            var failure = await writer.EnterAsync(server, rules, room.Value, timings, _closing.Token);
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

    /// <summary>
    /// Takes a join that another server accepted, in a room that is known here, and waits until it is decided; null if
    /// the user is joined.
    /// </summary>
    internal async ValueTask<RoomFailure?> ReceiveAsync(
        string server, RoomSnapshot snapshot, Pdu join, CancellationToken stop)
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
