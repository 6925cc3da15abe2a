using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Receipts;

/// <summary>Read receipts. Client-Server API, "Receipts".</summary>
public interface IReceiptsTable
{
    /// <summary>All receipts of a room that were put after one position and up to another, private ones included.</summary>
    ValueTask<IReadOnlyList<ReceiptRow>> OfRoomAsync(RoomNid room, long after, long through, CancellationToken stop);

    /// <summary>The same for several rooms at once.</summary>
    ValueTask<IReadOnlyList<ReceiptRow>> OfRoomsAsync(
        IReadOnlyCollection<RoomNid> rooms, long after, long through, CancellationToken stop);

    /// <summary>A user's receipts in a room.</summary>
    ValueTask<IReadOnlyList<ReceiptRow>> OfUserAsync(RoomNid room, string userId, CancellationToken stop);

    /// <summary>A local user's receipts in all rooms.</summary>
    ValueTask<IReadOnlyList<ReceiptRow>> OfUserAsync(string userId, CancellationToken stop);
}

/// <summary>A receipt.</summary>
/// <param name="Room">The room.</param>
/// <param name="UserId">Whose.</param>
/// <param name="Type">`m.read` or `m.read.private`.</param>
/// <param name="ThreadId">Empty if unthreaded, `main`, or a thread root's id.</param>
/// <param name="Event">How far.</param>
/// <param name="EventId">That event's id.</param>
/// <param name="Timestamp">When, in milliseconds since the epoch.</param>
/// <param name="Position">The position at which it was put.</param>
public sealed record ReceiptRow(
    RoomNid Room, string UserId, string Type, string ThreadId, EventNid Event, string EventId, long Timestamp, long Position);

/// <summary>A receipt moves forward. Not applied if the user's receipt of that type and thread is at that event already, or at a later one.</summary>
public sealed record ReceiptMoved(
    RoomNid Room, string UserId, string Type, string ThreadId, EventNid Event, string EventId, long Timestamp, bool IsLocal)
    : ConditionalChange;

/// <summary>
/// Of a user's receipts of one type in the threads of a room those that moved last are kept. Unthreaded ones and those of `main` do not count.
/// </summary>
public sealed record ThreadReceiptsTrimmed(RoomNid Room, string UserId, string Type, int Keep) : Change;
