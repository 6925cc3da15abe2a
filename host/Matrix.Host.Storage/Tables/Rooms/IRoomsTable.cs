namespace Matrix.Host.Storage.Tables.Rooms;

/// <summary>Rooms, their headers and the log of their current state.</summary>
public interface IRoomsTable
{
    /// <summary>A number for a new room. It is nobody else's; it costs nothing if it is never used.</summary>
    RoomNid NewNid();

    /// <summary>The room of that id, or null.</summary>
    ValueTask<RoomRow?> FindAsync(string roomId, CancellationToken stop);

    /// <summary>The room of that number, or null.</summary>
    ValueTask<RoomRow?> FindAsync(RoomNid room, CancellationToken stop);

    /// <summary>The rooms of these numbers, in no order; absent ones are left out.</summary>
    ValueTask<IReadOnlyList<RoomRow>> FindManyAsync(IReadOnlyCollection<RoomNid> rooms, CancellationToken stop);

    /// <summary>All rooms by number, a page at a time: those after <paramref name="after"/>.</summary>
    ValueTask<IReadOnlyList<RoomRow>> ListAsync(RoomNid after, int limit, CancellationToken stop);

    /// <summary>The step of the room's current state as it was at that position: the latest logged at or before it. 0 if none.</summary>
    ValueTask<int> CurrentStepAtAsync(RoomNid room, long position, CancellationToken stop);

    /// <summary>The same for several rooms at once; rooms without any are left out.</summary>
    ValueTask<IReadOnlyDictionary<RoomNid, int>> CurrentStepsAtAsync(
        IReadOnlyCollection<RoomNid> rooms, long position, CancellationToken stop);

    /// <summary>The changes of these rooms' current states after one position and up to another, by position: the step of each.</summary>
    ValueTask<IReadOnlyList<StateLogRow>> StateLogAsync(
        IReadOnlyCollection<RoomNid> rooms, long after, long through, CancellationToken stop);
}
