using Matrix.Core.State;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Rooms;

/// <summary>This server has come to know a room. Rejected if its id or number is known already.</summary>
/// <param name="Room">The room.</param>
/// <param name="Creator">The sender of its create event.</param>
/// <param name="Header">Where its decisions go on.</param>
public sealed record RoomCreated(RoomIdentity Room, string Creator, RoomHeader Header) : WriteOperation;

/// <summary>
/// A room has new forward extremities, depth, counts or numbers. The last change of a room in its batch.
/// </summary>
/// <param name="Room">The room.</param>
/// <param name="Before">Where its decisions went on before the batch; null for a room that the batch creates.</param>
/// <param name="Header">Where they go on now.</param>
public sealed record RoomAdvanced(RoomIdentity Room, RoomHeader? Before, RoomHeader Header) : WriteOperation
{
    /// <summary>Whether the header follows from the other changes of the batch: then it is not written.</summary>
    internal bool FollowsFromBatch { get; } = Before is null || Header.Follows(Before);
}

/// <summary>The current state of a room has changed.</summary>
/// <param name="Room">The room.</param>
/// <param name="Before">The current state before.</param>
/// <param name="After">The current state now.</param>
/// <param name="Step">Its number.</param>
public sealed record StateChanged(RoomNid Room, StateTree Before, StateTree After, int Step) : WriteOperation;
