namespace Matrix.Host.Storage.Tables.State;

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
