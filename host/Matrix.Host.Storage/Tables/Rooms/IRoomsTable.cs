using Matrix.Core.Facade;
using Matrix.Core.State;
using Matrix.Host.Storage.Commits;

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

/// <summary>A room, with the header from which its lane goes on.</summary>
/// <param name="Nid">Its number.</param>
/// <param name="RoomId">Its id.</param>
/// <param name="Version">The identifier of its version.</param>
/// <param name="Creator">The sender of its create event.</param>
/// <param name="CreatedAt">When this server came to know it, in milliseconds since the epoch.</param>
/// <param name="Header">Where its lane goes on.</param>
/// <param name="LastPosition">The position of the set that changed the room last.</param>
public sealed record RoomRow(
    RoomNid Nid, string RoomId, string Version, string Creator, long CreatedAt, RoomHeader Header, long LastPosition)
{
    /// <summary>
    /// What never changes about it. A room that was made while its version was switched on goes on when it no longer is.
    /// </summary>
    /// <exception cref="InvalidDataException">Its version is unknown.</exception>
    public RoomIdentity Identity => new(
        Nid, RoomId, RoomRules.FindUnstable(Version) ?? throw new InvalidDataException($"Room {RoomId} has the unknown version {Version}."));
}

/// <summary>A change of a room's current state.</summary>
/// <param name="Room">The room.</param>
/// <param name="Position">The batch that changed it.</param>
/// <param name="Step">The step of the state since.</param>
public readonly record struct StateLogRow(RoomNid Room, long Position, int Step);

/// <summary>
/// Where a room's lane goes on after a restart. Its row is written by each set that changes more of it than follows from the room's last event:
/// plain messages, one upon the other, leave the row as it is (<see cref="Follows"/>), and who reads it adds them (<see cref="After"/>).
/// </summary>
public sealed record RoomHeader
{
    /// <summary>The forward extremities.</summary>
    public IReadOnlyList<Extremity> Extremities { get; init; } = [];

    /// <summary>The greatest depth of the extremities.</summary>
    public long Depth { get; init; }

    /// <summary>The step of the current state.</summary>
    public int CurrentStep { get; init; }

    /// <summary>The last ordinal given to a live event; <see cref="EventNid.FirstLiveOrdinal"/> - 1 if none was.</summary>
    public uint LastOrdinal { get; init; } = EventNid.FirstLiveOrdinal - 1;

    /// <summary>The lowest ordinal given to an event of history; <see cref="EventNid.FirstLiveOrdinal"/> if none was.</summary>
    public uint FirstOrdinal { get; init; } = EventNid.FirstLiveOrdinal;

    /// <summary>The last step number given.</summary>
    public int LastStep { get; init; }

    /// <summary>The last checkpoint node number given.</summary>
    public int LastNode { get; init; }

    /// <summary>Users joined, remote ones included.</summary>
    public int JoinedCount { get; init; }

    /// <summary>Users invited, remote ones included.</summary>
    public int InvitedCount { get; init; }

    /// <summary>
    /// Whether this is what <see cref="After"/> makes of a header before it and the room's last event: every event since has built on the one
    /// before it and on nothing else, and nothing but the timeline has changed.
    /// </summary>
    /// <param name="before">The header before.</param>
    public bool Follows(RoomHeader before) =>
        LastOrdinal > before.LastOrdinal
        && Extremities is [var last] && last.Ordinal == LastOrdinal
        && this == before.Advanced(LastOrdinal, Extremities);

    /// <summary>The header after plain messages, one upon the other, of which the last is this.</summary>
    internal RoomHeader After(uint ordinal, string eventId) => Advanced(ordinal, [new Extremity(ordinal, eventId)]);

    private RoomHeader Advanced(uint ordinal, IReadOnlyList<Extremity> extremities) => this with
    {
        Extremities = extremities,
        Depth = Depth + (ordinal - LastOrdinal),
        LastOrdinal = ordinal,
    };
}

/// <summary>A forward extremity.</summary>
/// <param name="Ordinal">The event's ordinal in the room.</param>
/// <param name="EventId">Its id.</param>
public readonly record struct Extremity(uint Ordinal, string EventId)
{
    /// <summary>The event's number.</summary>
    public EventNid Nid(RoomNid room) => EventNid.Of(room, Ordinal);
}

/// <summary>This server has come to know a room. Rejected if its id or number is known already.</summary>
/// <param name="Room">The room.</param>
/// <param name="Creator">The sender of its create event.</param>
/// <param name="Header">Where its decisions go on.</param>
public sealed record RoomCreated(RoomIdentity Room, string Creator, RoomHeader Header) : Change;

/// <summary>
/// A room has new forward extremities, depth, counts or numbers. The last change of a room in its batch.
/// </summary>
/// <param name="Room">The room.</param>
/// <param name="Before">Where its decisions went on before the batch; null for a room that the batch creates.</param>
/// <param name="Header">Where they go on now.</param>
public sealed record RoomAdvanced(RoomIdentity Room, RoomHeader? Before, RoomHeader Header) : Change
{
    /// <summary>Whether the header follows from the other changes of the batch: then it is not written.</summary>
    internal bool FollowsFromBatch { get; } = Before is null || Header.Follows(Before);
}

/// <summary>The current state of a room has changed.</summary>
/// <param name="Room">The room.</param>
/// <param name="Before">The current state before.</param>
/// <param name="After">The current state now.</param>
/// <param name="Step">Its number.</param>
public sealed record StateChanged(RoomNid Room, StateTree Before, StateTree After, int Step) : Change;
