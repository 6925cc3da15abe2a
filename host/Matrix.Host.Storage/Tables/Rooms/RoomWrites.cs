using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Rooms;

/// <summary>A room comes to be known. Rejected if its id or number is.</summary>
public sealed record CreateRoom(RoomNid Nid, string RoomId, string Version, string Creator, RoomHeader Header) : WriteOperation;

/// <summary>The header is written anew, with the position of the set.</summary>
public sealed record PutRoomHeader(RoomNid Nid, RoomHeader Header) : WriteOperation;

/// <summary>
/// The room has gone on to a header that <see cref="RoomHeader.Follows"/> from the one before and the events of this set: nothing of it is
/// written, the events say it. For those who watch commits.
/// </summary>
public sealed record AdvanceRoom(RoomNid Nid, RoomHeader Header) : WriteOperation;

/// <summary>From the position of the set on, the room's current state is that of the step.</summary>
public sealed record LogCurrentState(RoomNid Room, int Step) : WriteOperation;
