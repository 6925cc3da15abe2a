using Matrix.Core.State;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.State;

/// <summary>Durable room state: steps, and checkpoints of shared nodes. The core encodes the blobs.</summary>
public interface IStateTable
{
    /// <summary>
    /// Reads a step's checkpoint (null for the empty state) and the steps since it, oldest first, in one round trip.
    /// Null if the room has no such step. Step 0 is the empty state.
    /// </summary>
    ValueTask<StateChain?> ChainAsync(RoomNid room, int step, CancellationToken stop);

    /// <summary>One step, or null.</summary>
    ValueTask<StepRow?> StepAsync(RoomNid room, int step, CancellationToken stop);

    /// <summary>These steps, unordered, in one round trip; unknown ones are left out.</summary>
    ValueTask<IReadOnlyList<StepRow>> StepsAsync(RoomNid room, IReadOnlyCollection<int> steps, CancellationToken stop);

    /// <summary>
    /// The steps of the states before these events (<see cref="Events.EventMarks.Branched"/>); others are left out.
    /// </summary>
    ValueTask<IReadOnlyDictionary<EventNid, int>> StepsBeforeAsync(
        IReadOnlyCollection<EventNid> nids, CancellationToken stop);

    /// <summary>These nodes, unordered, in one round trip.</summary>
    ValueTask<IReadOnlyList<NodeRow>> NodesAsync(RoomNid room, IReadOnlyCollection<int> nodes, CancellationToken stop);

    /// <summary>
    /// The room's nodes from a number on, in order, a page at a time: cheaper than reading a whole state level by
    /// level.
    /// </summary>
    ValueTask<IReadOnlyList<NodeRow>> NodesFromAsync(RoomNid room, int first, int limit, CancellationToken stop);

    /// <summary>The room's latest checkpoint, on whose nodes the next one builds; null if there is none.</summary>
    ValueTask<CheckpointRow?> LastCheckpointAsync(RoomNid room, CancellationToken stop);
}

/// <summary>A change of state, as stored.</summary>
/// <param name="Step">Its number in the room, from 1.</param>
/// <param name="Parent">The step that it changes; 0 is the empty state.</param>
/// <param name="Base">The step of the checkpoint that it is rebuilt from; 0 is the empty state. A checkpoint's own step
/// names itself.</param>
/// <param name="Changes">The core's encoding of the change.</param>
public sealed record StepRow(int Step, int Parent, int Base, ReadOnlyMemory<byte> Changes);

/// <summary>A state that is stored as a whole.</summary>
/// <param name="Step">The step of the state.</param>
/// <param name="Root">The number of its root node.</param>
/// <param name="Data">The core's encoding of its hash, count and completeness.</param>
public sealed record CheckpointRow(int Step, int Root, ReadOnlyMemory<byte> Data);

/// <summary>A node of the tree that checkpoints share.</summary>
/// <param name="Node">Its number in the room, from 1.</param>
public readonly record struct NodeRow(int Node, ReadOnlyMemory<byte> Data);

/// <summary>The parts that rebuild a state.</summary>
/// <param name="Checkpoint">Where to start; null for the empty state.</param>
/// <param name="Steps">The steps to apply, oldest first.</param>
public sealed record StateChain(CheckpointRow? Checkpoint, IReadOnlyList<StepRow> Steps);

/// <summary>Names the state before an event: see <see cref="Events.EventMarks.Branched"/>.</summary>
public sealed record StateBeforeNamed(EventNid Nid, int Step) : Change;

/// <summary>Numbers a state of a room, so that events and the log of the current state can name it.</summary>
/// <param name="Parent">The state that it differs from; 0 is the empty state.</param>
/// <param name="Base">The state of the checkpoint that it is rebuilt from; 0 is the empty state.</param>
/// <param name="Delta">The difference from the parent.</param>
public sealed record StateNumbered(RoomNid Room, int Step, int Parent, int Base, StateStep Delta) : Change
{
    /// <summary>The checkpoint, if one is due; mostly null.</summary>
    public StateCheckpoint? Checkpoint { get; init; }

    /// <summary>The stored form of the difference, encoded by the room's lane and not on the writer's thread.</summary>
    internal ReadOnlyMemory<byte> DeltaBytes { get; } = Delta.ToBytes();

    internal override int Weight => 200 + DeltaBytes.Length + (Checkpoint?.Pack.Length ?? 0);
}

/// <summary>Deletes a checkpoint. The caller has checked that no step is built on it.</summary>
public sealed record CheckpointDeleted(RoomNid Room, int Step) : Change;

/// <summary>Deletes nodes that no checkpoint needs.</summary>
public sealed record CheckpointNodesDeleted(RoomNid Room, IReadOnlyList<int> Nodes) : Change;
