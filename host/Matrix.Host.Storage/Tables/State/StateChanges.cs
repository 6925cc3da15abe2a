using Matrix.Core.State;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.State;

/// <summary>A state of a room has a number from now on, so that events and the log of the current state can name it.</summary>
/// <param name="Room">The room.</param>
/// <param name="Step">Its number.</param>
/// <param name="Parent">The state that it differs from; 0 is the empty state.</param>
/// <param name="Base">The state of the checkpoint that it is rebuilt from; 0 is the empty state.</param>
/// <param name="Delta">How it differs.</param>
public sealed record StateNumbered(RoomNid Room, int Step, int Parent, int Base, StateStep Delta) : WriteOperation
{
    /// <summary>The state whole, where it is due; null mostly.</summary>
    public StateCheckpoint? Checkpoint { get; init; }

    /// <summary>The stored form of the difference, made by the room's lane and not on the writer's thread.</summary>
    internal ReadOnlyMemory<byte> DeltaBytes { get; } = Delta.ToBytes();

    internal override int Weight => 200 + DeltaBytes.Length + (Checkpoint?.Pack.Length ?? 0);
}

/// <summary>A checkpoint is dropped. The caller has seen to it that no step is built on it.</summary>
public sealed record DeleteCheckpoint(RoomNid Room, int Step) : WriteOperation;

/// <summary>Nodes are dropped that no checkpoint needs.</summary>
public sealed record DeleteNodes(RoomNid Room, IReadOnlyList<int> Nodes) : WriteOperation;
