using Matrix.Core.State;
using Matrix.Host.Rooms.State;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Reading;

/// <summary>The end of a room for a user who left it.</summary>
/// <param name="Through">The last event that they may read.</param>
/// <param name="State">The state there.</param>
/// <param name="JoinedThrough">The last event that surely came while they were in the room; none if that is not known,
/// because they were removed on a branch.</param>
public readonly record struct ReadableEnd(EventNid Through, StateTree State, EventNid JoinedThrough);

/// <summary>Finds where a room ends for users who left it.</summary>
public sealed class RoomEnds(StateStore states, RoomsTable roomsTable, IEventsTable eventsTable)
{
    /// <summary>The end of the room that an event makes by which a user left or was removed.</summary>
    /// <param name="room">The room.</param>
    /// <param name="departure">The event.</param>
    /// <param name="position">The position at which it became current.</param>
    public async ValueTask<ReadableEnd> OfAsync(
        RoomIdentity room, StoredEvent departure, long position, CancellationToken stop)
    {
        if (departure.Nid.IsLive && (departure.Row.Marks & EventMarks.Branched) == 0)
        {
            return new ReadableEnd(
                departure.Nid,
                await states.AtAsync(room.Nid, departure.Row.Step, stop),
                departure.Nid);
        }

        // It came on a branch, or as part of a state that another server returned.
        var step = await roomsTable.CurrentStepAtAsync(room.Nid, position, stop);
        return new ReadableEnd(
            await eventsTable.LastNidAtAsync(room.Nid, position, stop),
            await states.AtAsync(room.Nid, step, stop),
            EventNid.None);
    }
}
