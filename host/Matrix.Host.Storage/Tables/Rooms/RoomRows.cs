using Matrix.Core.Facade;

namespace Matrix.Host.Storage.Tables.Rooms;

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
