using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Receipts;

/// <summary>Read receipts. Client-Server API, "Receipts".</summary>
public interface IReceiptsTable
{
    /// <summary>Receipts of a room that were put after one position and up to another, private ones included.</summary>
    ValueTask<IReadOnlyList<ReceiptRow>> OfRoomAsync(RoomNid room, long after, long through, CancellationToken stop);

    /// <summary>The same for several rooms at once.</summary>
    ValueTask<IReadOnlyList<ReceiptRow>> OfRoomsAsync(
        IReadOnlyCollection<RoomNid> rooms, long after, long through, CancellationToken stop);

    /// <summary>A user's receipts in a room.</summary>
    ValueTask<IReadOnlyList<ReceiptRow>> OfUserAsync(RoomNid room, string userId, CancellationToken stop);

    /// <summary>
    /// The positions from one on at which receipts of local users moved, with the users, in order, a page at a time:
    /// at the first position, the users after this one.
    /// </summary>
    ValueTask<IReadOnlyList<(long Position, string UserId)>> MovedFromAsync(
        long position, string userId, int limit, CancellationToken stop);

    /// <summary>A local user's receipts in all rooms.</summary>
    ValueTask<IReadOnlyList<ReceiptRow>> OfUserAsync(string userId, CancellationToken stop);
}

/// <summary>A receipt.</summary>
/// <param name="Type">`m.read` or `m.read.private`.</param>
/// <param name="ThreadId">Empty if unthreaded, otherwise `main` or a thread root's id.</param>
/// <param name="Event">The event that the receipt is at.</param>
/// <param name="Timestamp">Milliseconds since the epoch.</param>
/// <param name="Position">The position at which it was put.</param>
public sealed record ReceiptRow(
    RoomNid Room, string UserId, string Type, string ThreadId, EventNid Event, string EventId, long Timestamp,
    long Position);

/// <summary>
/// Moves a receipt forward. Not applied if the user's receipt of this type and thread is at this event or a later one
/// already.
/// </summary>
public sealed record ReceiptMoved(
    RoomNid Room, string UserId, string Type, string ThreadId, EventNid Event, string EventId, long Timestamp,
    bool IsLocal)
    : ConditionalChange;

/// <summary>
/// Keeps only the most recently moved thread receipts of a user and type in a room. Unthreaded receipts and those of
/// `main` do not count.
/// </summary>
public sealed record ThreadReceiptsTrimmed(RoomNid Room, string UserId, string Type, int Keep) : Change;
