using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Storage.Tables.Receipts;

/// <summary>A receipt moves forward. Not applied if the user's receipt of that type and thread is at that event already, or at a later one.</summary>
public sealed record PutReceipt(
    RoomNid Room, string UserId, string Type, string ThreadId, EventNid Event, string EventId, long Timestamp, bool IsLocal)
    : ConditionalOperation;
