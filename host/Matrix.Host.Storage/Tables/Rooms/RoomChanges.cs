using Matrix.Core.Facade;
using Matrix.Core.State;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Rooms;

/// <summary>A room with its header.</summary>
/// <param name="Version">The identifier of its room version.</param>
/// <param name="Creator">The sender of its create event.</param>
/// <param name="CreatedAt">When this server first stored the room, in milliseconds since the epoch.</param>
/// <param name="LastPosition">The position of the last batch that changed the room.</param>
public sealed record RoomRow(
    RoomNid Nid, string RoomId, string Version, string Creator, long CreatedAt, RoomHeader Header, long LastPosition)
{
    /// <summary>Whether the room has, or had, members of other servers.</summary>
    public bool IsFederated { get; init; }

    /// <summary>
    /// The parts that never change. An unstable version may be switched off again: its rooms keep working.
    /// </summary>
    /// <exception cref="InvalidDataException">Its version is unknown.</exception>
    public RoomIdentity Identity => new(
        Nid, RoomId, RoomRules.FindUnstable(Version)
            ?? throw new InvalidDataException($"Room {RoomId} has the unknown version {Version}."));
}

/// <summary>A room in which another server is.</summary>
/// <param name="LastPosition">As the room's row has it.</param>
public readonly record struct ServersRoomRow(string RoomId, long LastPosition);

/// <summary>A change of a room's current state.</summary>
/// <param name="Position">The position of the batch that changed it.</param>
/// <param name="Step">The new current state.</param>
public readonly record struct StateLogRow(RoomNid Room, long Position, int Step);

/// <summary>
/// The state from which a room's lane continues after a restart. Its row is written only by a batch whose result does
/// not follow from the room's last event. Consecutive plain messages leave the row as it is (<see cref="Follows"/>),
/// and a reader of the row applies them (<see cref="After"/>).
/// </summary>
public sealed record RoomHeader
{
    /// <summary>The forward extremities.</summary>
    public IReadOnlyList<Extremity> Extremities { get; init; } = [];

    /// <summary>The greatest depth of the extremities.</summary>
    public long Depth { get; init; }

    /// <summary>The step of the current state.</summary>
    public int CurrentStep { get; init; }

    /// <summary>
    /// The last ordinal assigned to a live event; <see cref="EventNid.FirstLiveOrdinal"/> - 1 if there is none.
    /// </summary>
    public uint LastOrdinal { get; init; } = EventNid.FirstLiveOrdinal - 1;

    /// <summary>
    /// The lowest ordinal assigned to an event of history; <see cref="EventNid.FirstLiveOrdinal"/> if there is none.
    /// </summary>
    public uint FirstOrdinal { get; init; } = EventNid.FirstLiveOrdinal;

    /// <summary>The last step number assigned.</summary>
    public int LastStep { get; init; }

    /// <summary>The last checkpoint node number assigned.</summary>
    public int LastNode { get; init; }

    /// <summary>The number of joined users, remote ones included.</summary>
    public int JoinedCount { get; init; }

    /// <summary>The number of invited users, remote ones included.</summary>
    public int InvitedCount { get; init; }

    /// <summary>
    /// Whether <see cref="After"/> derives this header from the earlier one and the room's last event. That holds if
    /// each event since has only its predecessor as prev_event, and the state did not change.
    /// </summary>
    public bool Follows(RoomHeader before) =>
        LastOrdinal > before.LastOrdinal
        && Extremities is [var last] && last.Ordinal == LastOrdinal
        && this == before.Advanced(LastOrdinal, Extremities);

    /// <summary>The header after consecutive plain messages that end with this event.</summary>
    internal RoomHeader After(uint ordinal, string eventId) => Advanced(ordinal, [new Extremity(ordinal, eventId)]);

    private RoomHeader Advanced(uint ordinal, IReadOnlyList<Extremity> extremities) => this with
    {
        Extremities = extremities,
        Depth = Depth + (ordinal - LastOrdinal),
        LastOrdinal = ordinal,
    };
}

/// <summary>A forward extremity.</summary>
public readonly record struct Extremity(uint Ordinal, string EventId)
{
    /// <summary>The event's number.</summary>
    public EventNid Nid(RoomNid room) => EventNid.Of(room, Ordinal);
}

/// <summary>This server has stored a new room. Rejected if its id or number exists already.</summary>
/// <remarks>On other nodes the header has no extremities.</remarks>
public sealed record RoomCreated(RoomIdentity Room, string Creator, RoomHeader Header) : Change;

/// <summary>Applies if the user has created fewer rooms that this server has; changes nothing.</summary>
public sealed record CreatedRoomsFewerThan(string Creator, int Most) : ConditionalChange;

/// <summary>
/// A room has new forward extremities, depth, counts or numbers. It is the room's last change in its batch.
/// </summary>
/// <param name="Before">The header before the batch; null for a room that the batch creates.</param>
/// <param name="Header">The header after the batch.</param>
/// <remarks>On other nodes there is no header before, and the one after has no extremities.</remarks>
public sealed record RoomAdvanced(RoomIdentity Room, RoomHeader? Before, RoomHeader Header) : Change
{
    /// <summary>Whether the header follows from the batch's other changes; then it is not written.</summary>
    internal bool FollowsFromBatch { get; } = Before is null || Header.Follows(Before);
}

/// <summary>
/// A room is about to have members of other servers for the first time. The indexes that such a room needs are written
/// in the same batch.
/// </summary>
public sealed record RoomFederated(RoomNid Room) : Change;
