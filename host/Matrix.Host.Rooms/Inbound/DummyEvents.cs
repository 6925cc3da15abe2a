using System.Collections.Concurrent;
using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Merges the forward extremities of a room that has many, by an event without content of a local user. Clients do not
/// see it, and it is not sent to other servers: they fetch it when an event names it.
/// </summary>
internal sealed class DummyEvents(
    RoomLanes lanes,
    EventAppender appender,
    RepeatedTasks tasks,
    ShardGates gates,
    RoomsOptions options,
    TimeProvider time)
{
    /// <summary>The most events that are sent one after the other; each merges some extremities.</summary>
    private const int MostAtOnce = 10;

    /// <summary>The most users who are tried.</summary>
    private const int MostSenders = 10;

    /// <summary>The most rooms that are remembered.</summary>
    private const int MostRooms = 10_000;

    /// <summary>The time after which a room is looked at again.</summary>
    private static readonly TimeSpan _pause = TimeSpan.FromMinutes(1);

    private static readonly RoomFailure _nobody = new(
        RoomFailureKind.BadState, "No local member of the room may send the event that merges them.");

    /// <summary>When rooms were tried last, and in which opening of their shard.</summary>
    private readonly ConcurrentDictionary<RoomNid, (long At, long Opening)> _tried = new();

    /// <summary>Merges the extremities soon, if there are too many. Called while the room's lane is held.</summary>
    internal void Consider(PendingRoom room)
    {
        if (room.Extremities.Length <= options.Receiving.ExtremitiesMerged || room.Local.Joined.Count == 0) return;
        if (!gates.TryEnter(Authority.Room(room.Room.RoomId), out var visit)) return;
        using var inside = visit;
        var now = time.GetTimestamp();
        if (_tried.TryGetValue(room.Room.Nid, out var before)
            && before.Opening == visit.Opening
            && time.GetElapsedTime(before.At, now) < _pause)
        {
            return;
        }

        if (_tried.Count >= MostRooms) _tried.Clear();
        _tried[room.Room.Nid] = (now, visit.Opening);
        tasks.Run(room.Room, stop => MergeAsync(room.Room, stop));
    }

    /// <summary>Merges all extremities now. Returns how many fewer the room has.</summary>
    internal async ValueTask<RoomResult<int>> MergeAllAsync(RoomNid room, CancellationToken stop)
    {
        var merged = 0;
        for (var sent = 0; sent < MostAtOnce; sent++)
        {
            var made = await lanes.EnterAsync<int>(
                room,
                async session =>
                {
                    var before = session.Pending.Extremities.Length;
                    if (before <= 1) return 0;
                    return await MergeAsync(session, most: 1, stop)
                        ? before - session.Pending.Extremities.Length
                        : _nobody;
                },
                stop);
            if (!made.IsOk) return merged > 0 ? merged : made.Failure;
            if (made.Value == 0) break;
            merged += made.Value;
        }

        return merged;
    }

    /// <summary>False if the room is busy.</summary>
    private async ValueTask<bool> MergeAsync(RoomIdentity room, CancellationToken stop)
    {
        for (var sent = 0; sent < MostAtOnce; sent++)
        {
            var made = await lanes.EnterAsync<bool>(
                room.Nid, async session => await MergeAsync(session, options.Receiving.ExtremitiesMerged, stop), stop);
            if (!made.IsOk) return made.Failure.Kind != RoomFailureKind.Busy;
            if (!made.Value) return true;
        }

        return true;
    }

    /// <summary>Whether an event was sent: there are too many extremities, and a local user may send it.</summary>
    private async ValueTask<bool> MergeAsync(LaneSession session, int most, CancellationToken stop)
    {
        if (session.Pending.Extremities.Length <= most) return false;
        foreach (var userId in await SendersAsync(session, stop))
        {
            var draft = new Draft(DecisionWriter.DummyType, null, userId, JsonObject.Empty, null);
            var made = await appender.AppendAsync(session, draft, null, null, stop);
            if (made.IsOk) return true;
        }

        return false;
    }

    /// <summary>Joined local users, those with the most power first.</summary>
    private async ValueTask<IReadOnlyList<string>> SendersAsync(LaneSession session, CancellationToken stop)
    {
        var create = await appender.State.EventAsync(session, EventTypes.Create, "", stop);
        var levels = await appender.State.EventAsync(session, EventTypes.PowerLevels, "", stop);
        if (create is null) return [];
        AuthEvent[] known = levels is null ? [create.Auth] : [create.Auth, levels.Auth];
        var rules = session.Pending.Room.Rules;
        return [.. session.Pending.Local.Joined
            .OrderByDescending(userId => rules.PowerOf(known, userId))
            .Take(MostSenders)];
    }
}
