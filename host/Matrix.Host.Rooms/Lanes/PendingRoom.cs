using Matrix.Core.Room;
using Matrix.Core.Room.Incoming.Graph;
using Matrix.Core.State;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// A lane's room, undurable events included. Immutable: a session that fails leaves the lane's room unchanged.
/// </summary>
internal sealed record PendingRoom
{
    internal required RoomIdentity Room { get; init; }

    /// <summary>Whether the room has a row; the first batch of a new room creates it.</summary>
    internal required bool Exists { get; init; }

    internal required StateTree State { get; init; }

    internal required LocalMembers Local { get; init; }

    internal ForwardExtremity[] Extremities { get; init; } = [];

    internal long Depth { get; init; }

    internal int CurrentStep { get; init; }

    internal int LastStep { get; init; }

    internal uint LastOrdinal { get; init; } = EventNid.FirstLiveOrdinal - 1;

    internal uint FirstOrdinal { get; init; } = EventNid.FirstLiveOrdinal;

    internal int JoinedCount { get; init; }

    internal int InvitedCount { get; init; }

    /// <summary>The step of the checkpoint on which the current state builds; 0 for the empty state.</summary>
    internal int BaseStep { get; init; }

    /// <summary>The number of steps between that checkpoint and the current state.</summary>
    internal int StepsSinceBase { get; init; }

    /// <summary>The room's most recent checkpoint.</summary>
    internal CheckpointHeader? NewestCheckpoint { get; init; }

    /// <summary>Whether any event of the room has, or had, a relation.</summary>
    internal bool HasRelations { get; init; }

    /// <summary>Whether the room has, or had, members of other servers.</summary>
    internal bool IsFederated { get; init; }

    /// <summary>The last ordinal of an outlier; 0 if there is none.</summary>
    internal uint LastOutlier { get; init; }

    /// <summary>Whether the room had staged events when it was read.</summary>
    internal bool HadStaged { get; init; }

    /// <summary>The gaps with which the room's machine starts.</summary>
    internal RoomGaps Gaps { get; init; } = RoomGaps.None;

    /// <summary>Whether any redaction of the room waits, or waited, for its event.</summary>
    internal bool HasWaitingRedactions { get; init; }

    /// <summary>The header of the room's row.</summary>
    internal RoomHeader ToHeader() => new()
    {
        Extremities = Array.ConvertAll(
            Extremities, static extremity => new Extremity(extremity.Ordinal, extremity.EventId)),
        Depth = Depth,
        CurrentStep = CurrentStep,
        LastOrdinal = LastOrdinal,
        FirstOrdinal = FirstOrdinal,
        LastStep = LastStep,
        LastNode = NewestCheckpoint?.RootNode ?? 0,
        JoinedCount = JoinedCount,
        InvitedCount = InvitedCount,
    };
}
