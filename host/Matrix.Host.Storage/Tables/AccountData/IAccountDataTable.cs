using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.AccountData;

/// <summary>
/// Account data of a user, or of a user in a room; tags are type `m.tag`. Client-Server API, "Client Config", "Room
/// Tagging".
/// </summary>
public interface IAccountDataTable
{
    /// <summary>One piece of account data; null if there is none. A null room means global account data.</summary>
    ValueTask<AccountDataRow?> FindAsync(string userId, RoomNid? room, string type, CancellationToken stop);

    /// <summary>All account data of a user, in all rooms, put after one position and up to another.</summary>
    ValueTask<IReadOnlyList<AccountDataRow>> OfUserAsync(
        string userId, long after, long through, CancellationToken stop);

    /// <summary>The number of pieces a user has, in all rooms. Reads as many index entries.</summary>
    ValueTask<int> CountAsync(string userId, CancellationToken stop);

    /// <summary>All account data of a user in one room.</summary>
    ValueTask<IReadOnlyList<AccountDataRow>> OfRoomAsync(string userId, RoomNid room, CancellationToken stop);
}

/// <summary>A piece of account data.</summary>
/// <param name="Room">The room; null for global account data.</param>
/// <param name="Position">The position at which it was put.</param>
public sealed record AccountDataRow(RoomNid? Room, string Type, ReadOnlyMemory<byte> Content, long Position);

/// <summary>Puts account data. A null room means global account data.</summary>
public sealed record AccountDataPut(string UserId, RoomNid? Room, string Type, ReadOnlyMemory<byte> Content) : Change
{
    internal override int Weight => 200 + Content.Length;
}

/// <summary>Deletes all account data of a user whose account is erased.</summary>
public sealed record AccountDataDeleted(string UserId) : Change;
