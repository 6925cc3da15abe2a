using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Rooms;

/// <summary>A room comes to be known. Rejected if its id or number is.</summary>
public sealed record CreateRoom(RoomNid Nid, string RoomId, string Version, string Creator, RoomHeader Header) : WriteOperation;

/// <summary>The header is written anew, with the position of the set.</summary>
public sealed record PutRoomHeader(RoomNid Nid, RoomHeader Header) : WriteOperation;

/// <summary>From the position of the set on, the room's current state is that of the step.</summary>
public sealed record LogCurrentState(RoomNid Room, int Step) : WriteOperation;
