using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.AccountData;

/// <summary>Account data, of a user or of a user in a room; tags are type `m.tag`. Client-Server API, "Client Config", "Room Tagging".</summary>
public interface IAccountDataTable
{
    /// <summary>One piece; null if it was never put. No room means the user's own.</summary>
    ValueTask<AccountDataRow?> FindAsync(string userId, RoomNid? room, string type, CancellationToken stop);

    /// <summary>All of a user, of all rooms, put after one position and up to another.</summary>
    ValueTask<IReadOnlyList<AccountDataRow>> OfUserAsync(string userId, long after, long through, CancellationToken stop);

    /// <summary>How many pieces a user has, those of rooms included. Costs as many index entries.</summary>
    ValueTask<int> CountAsync(string userId, CancellationToken stop);

    /// <summary>All of a user in one room.</summary>
    ValueTask<IReadOnlyList<AccountDataRow>> OfRoomAsync(string userId, RoomNid room, CancellationToken stop);
}

/// <summary>A piece of account data.</summary>
/// <param name="Room">The room; null for the user's own.</param>
/// <param name="Type">Its type.</param>
/// <param name="Content">Its content: a JSON object.</param>
/// <param name="Position">The position at which it was put.</param>
public sealed record AccountDataRow(RoomNid? Room, string Type, ReadOnlyMemory<byte> Content, long Position);

/// <summary>A piece of account data is put. No room means the user's own.</summary>
public sealed record AccountDataPut(string UserId, RoomNid? Room, string Type, ReadOnlyMemory<byte> Content) : Change
{
    internal override int Weight => 200 + Content.Length;
}

/// <summary>All account data of a user goes: the account is erased.</summary>
public sealed record AccountDataDeleted(string UserId) : Change;
