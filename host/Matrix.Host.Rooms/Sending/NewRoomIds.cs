using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Room;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Rooms.Sending;

/// <summary>
/// Draws ids of new rooms until their shard is open here. Where an id is the hash of the create event, the moment of
/// that event advances by a millisecond with each draw. Thread-safe.
/// </summary>
internal sealed class NewRoomIds(ShardGates gates, RoomsOptions options, TimeProvider time)
{
    private long _lastMoment;

    /// <summary>Draws the id of a room that begins with these drafts, and enters its shard.</summary>
    /// <exception cref="StorageException">This node has no shard for it (<see cref="StorageFailure.NotOwned"/>).
    /// </exception>
    internal NewRoomId Draw(RoomRules rules, IReadOnlyList<Draft> drafts)
    {
        var moment = NextMoment();
        ShardVisit visit;
        if (!rules.RoomIdIsHash)
        {
            var drawn = MintedIds.DrawRoom(gates, () => $"!{OpaqueIds.New()}:{options.ServerName}", out visit);
            return new NewRoomId(drawn, moment, visit);
        }

        // The only owner has no need to know the id before the event is made.
        if (gates.AreAlwaysOpen) return new NewRoomId("", moment, default);
        var create = drafts.First(static draft => draft.Type == EventTypes.Create);
        var isFirst = true;
        var roomId = MintedIds.DrawRoom(
            gates,
            () =>
            {
                if (!isFirst) moment = NextMoment();
                isFirst = false;
                return IdOf(rules, create, moment);
            },
            out visit);
        return new NewRoomId(roomId, moment, visit);
    }

    /// <summary>
    /// The id of a room with this create event. A draft that cannot become an event gets one too: the room is refused
    /// when the event is made.
    /// </summary>
    private static string IdOf(RoomRules rules, Draft create, long moment)
    {
        var composed = rules.Compose("", create, [], [], greatestDepth: 0, moment);
        if (composed.Refusal is not null) return OpaqueIds.New();
        using var unsigned = composed.Value;
        return unsigned.RoomId;
    }

    /// <summary>
    /// A timestamp that no other create event of this process has: two equal requests in the same millisecond would
    /// create the same room.
    /// </summary>
    private long NextMoment()
    {
        while (true)
        {
            var last = Volatile.Read(ref _lastMoment);
            var mine = Math.Max(time.GetUtcNow().ToUnixTimeMilliseconds(), last + 1);
            if (Interlocked.CompareExchange(ref _lastMoment, mine, last) == last) return mine;
        }
    }
}

/// <summary>The id of a new room.</summary>
/// <param name="RoomId">The id; empty if it is the hash of the create event and nobody needs it before.</param>
/// <param name="Moment">The milliseconds of the create event.</param>
/// <param name="Visit">The visit of its shard.</param>
internal readonly record struct NewRoomId(string RoomId, long Moment, ShardVisit Visit);
