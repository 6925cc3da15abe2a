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
