using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.BlockedRooms;

/// <summary>
/// Rooms that administrators blocked. A row takes some 150 bytes; only administrators add rows.
/// </summary>
public interface IBlockedRoomsTable
{
    /// <summary>The block of a room; null if it is not blocked.</summary>
    ValueTask<BlockedRoomRow?> FindAsync(string roomId, CancellationToken stop);

    /// <summary>The ids of blocked rooms, a page at a time: those after this one.</summary>
    ValueTask<IReadOnlyList<string>> ListAsync(string after, int limit, CancellationToken stop);
}

/// <summary>A blocked room.</summary>
/// <param name="BlockedBy">The administrator.</param>
/// <param name="BlockedAt">Milliseconds since the epoch.</param>
public sealed record BlockedRoomRow(string RoomId, string BlockedBy, long BlockedAt);

/// <summary>Blocks a room; one that is blocked stays so.</summary>
public sealed record RoomBlocked(string RoomId, string BlockedBy) : Change;

/// <summary>Ends the block of a room.</summary>
public sealed record RoomUnblocked(string RoomId) : Change;
