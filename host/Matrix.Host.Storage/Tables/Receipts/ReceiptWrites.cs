using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Receipts;

/// <summary>A receipt moves forward. Not applied if the user's receipt of that type and thread is at that event already, or at a later one.</summary>
public sealed record PutReceipt(
    RoomNid Room, string UserId, string Type, string ThreadId, EventNid Event, string EventId, long Timestamp, bool IsLocal)
    : ConditionalOperation;

/// <summary>
/// Of a user's receipts of one type in the threads of a room those that moved last are kept. Unthreaded ones and those of `main` do not count.
/// </summary>
public sealed record TrimThreadReceipts(RoomNid Room, string UserId, string Type, int Keep) : WriteOperation;
