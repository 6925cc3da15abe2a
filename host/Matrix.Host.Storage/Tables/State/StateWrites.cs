using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.State;

/// <summary>A step is stored.</summary>
public sealed record InsertStep(RoomNid Room, int Step, int Parent, int Base, ReadOnlyMemory<byte> Changes) : WriteOperation
{
    internal override int Weight => 100 + Changes.Length;
}

/// <summary>A checkpoint of the state of a step is stored; from now on the step is rebuilt from it (its base becomes itself).</summary>
public sealed record InsertCheckpoint(RoomNid Room, int Step, int Root, ReadOnlyMemory<byte> Data) : WriteOperation
{
    internal override int Weight => 100 + Data.Length;
}

/// <summary>Nodes are stored.</summary>
public sealed record InsertNodes(RoomNid Room, IReadOnlyList<NodeRow> Nodes) : WriteOperation
{
    internal override int Weight => Nodes.Sum(node => 40 + node.Data.Length);
}

/// <summary>A checkpoint is dropped. The caller has seen to it that no step is built on it.</summary>
public sealed record DeleteCheckpoint(RoomNid Room, int Step) : WriteOperation;

/// <summary>Nodes are dropped that no checkpoint needs.</summary>
public sealed record DeleteNodes(RoomNid Room, IReadOnlyList<int> Nodes) : WriteOperation;
