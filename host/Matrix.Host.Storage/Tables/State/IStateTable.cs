using Matrix.Core.State;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.State;

/// <summary>The durable form of room state: steps, and checkpoints made of shared nodes. The blobs are the core's.</summary>
public interface IStateTable
{
    /// <summary>
    /// What it takes to rebuild the state of a step, in one round trip: the checkpoint that it is built on (none for the empty state) and the
    /// steps from there to it, oldest first. Null if the room has no such step. Step 0 is the empty state.
    /// </summary>
    ValueTask<StateChain?> ChainAsync(RoomNid room, int step, CancellationToken stop);

    /// <summary>One step, or null.</summary>
    ValueTask<StepRow?> StepAsync(RoomNid room, int step, CancellationToken stop);

    /// <summary>These steps, in no order, in one round trip; absent ones are left out.</summary>
    ValueTask<IReadOnlyList<StepRow>> StepsAsync(RoomNid room, IReadOnlyCollection<int> steps, CancellationToken stop);

    /// <summary>These nodes, in no order, in one round trip.</summary>
    ValueTask<IReadOnlyList<NodeRow>> NodesAsync(RoomNid room, IReadOnlyCollection<int> nodes, CancellationToken stop);

    /// <summary>The room's nodes from a number on, in order, a page at a time: cheaper than asking level by level when a whole state is wanted.</summary>
    ValueTask<IReadOnlyList<NodeRow>> NodesFromAsync(RoomNid room, int first, int limit, CancellationToken stop);

    /// <summary>The room's most recent checkpoint, on whose nodes the next one builds; null if it has none.</summary>
    ValueTask<CheckpointRow?> LastCheckpointAsync(RoomNid room, CancellationToken stop);
}

/// <summary>A change of state.</summary>
/// <param name="Step">Its number in the room, from 1.</param>
/// <param name="Parent">The step it changes; 0 is the empty state.</param>
/// <param name="Base">The step of the checkpoint that it is rebuilt from; 0 is the empty state. A checkpoint's own step has itself.</param>
/// <param name="Changes">The core's encoding of the change.</param>
public sealed record StepRow(int Step, int Parent, int Base, ReadOnlyMemory<byte> Changes);

/// <summary>A state that is stored whole.</summary>
/// <param name="Step">The step whose state it is.</param>
/// <param name="Root">The number of its root node.</param>
/// <param name="Data">The core's own words about it (hash, count, partial or not).</param>
public sealed record CheckpointRow(int Step, int Root, ReadOnlyMemory<byte> Data);

/// <summary>A node of the tree that checkpoints share.</summary>
/// <param name="Node">Its number in the room, from 1.</param>
/// <param name="Data">The core's encoding.</param>
public readonly record struct NodeRow(int Node, ReadOnlyMemory<byte> Data);

/// <summary>What it takes to rebuild a state.</summary>
/// <param name="Checkpoint">Where to begin; null for the empty state.</param>
/// <param name="Steps">What to apply then, oldest first.</param>
public sealed record StateChain(CheckpointRow? Checkpoint, IReadOnlyList<StepRow> Steps);

/// <summary>A state of a room has a number from now on, so that events and the log of the current state can name it.</summary>
/// <param name="Room">The room.</param>
/// <param name="Step">Its number.</param>
/// <param name="Parent">The state that it differs from; 0 is the empty state.</param>
/// <param name="Base">The state of the checkpoint that it is rebuilt from; 0 is the empty state.</param>
/// <param name="Delta">How it differs.</param>
public sealed record StateNumbered(RoomNid Room, int Step, int Parent, int Base, StateStep Delta) : Change
{
    /// <summary>The state whole, where it is due; null mostly.</summary>
    public StateCheckpoint? Checkpoint { get; init; }

    /// <summary>The stored form of the difference, made by the room's lane and not on the writer's thread.</summary>
    internal ReadOnlyMemory<byte> DeltaBytes { get; } = Delta.ToBytes();

    internal override int Weight => 200 + DeltaBytes.Length + (Checkpoint?.Pack.Length ?? 0);
}

/// <summary>A checkpoint is dropped. The caller has seen to it that no step is built on it.</summary>
public sealed record CheckpointDeleted(RoomNid Room, int Step) : Change;

/// <summary>Nodes are dropped that no checkpoint needs.</summary>
public sealed record CheckpointNodesDeleted(RoomNid Room, IReadOnlyList<int> Nodes) : Change;
