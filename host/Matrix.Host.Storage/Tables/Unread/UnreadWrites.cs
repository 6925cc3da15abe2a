using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Unread;

/// <summary>A user's rules made something of an event that the default would not have.</summary>
public sealed record InsertUnread(string UserId, EventNid Event, EventNid ThreadRoot, UnreadKind Kind) : WriteOperation;

/// <summary>A user read up to an event: rows up to it go, those of one thread (none for the main timeline) or of all (null).</summary>
public sealed record ClearUnread(string UserId, RoomNid Room, EventNid Through, EventNid? Thread) : WriteOperation;
