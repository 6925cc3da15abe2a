using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.AccountData;

/// <summary>
/// Account data of a user, or of a user in a room; tags are type `m.tag`. v1.19 client-server-api#client-config,
/// v1.19 client-server-api#room-tagging
/// </summary>
public interface IAccountDataTable
{
    /// <summary>
    /// One piece of account data; null if there is none, or if it was deleted. A null room means global account data.
    /// </summary>
    ValueTask<AccountDataRow?> FindAsync(string userId, RoomNid? room, string type, CancellationToken stop);

    /// <summary>
    /// All account data of a user, in all rooms, put after one position and up to another. What was deleted has the
    /// content `{}`, and is left out of what comes after position 0. A content of more than
    /// <see cref="AccountDataRow.Inline"/> is left out: <see cref="FindAsync"/> reads it.
    /// </summary>
    ValueTask<IReadOnlyList<AccountDataRow>> OfUserAsync(
        string userId, long after, long through, CancellationToken stop);

    /// <summary>
    /// The number of rows that a user has in all rooms, and of those of them that were deleted. Reads as many rows.
    /// </summary>
    ValueTask<(int All, int Deleted)> CountAsync(string userId, CancellationToken stop);

    /// <summary>
    /// All account data of a user in one room, without what was deleted. A large content is left out, as above.
    /// </summary>
    ValueTask<IReadOnlyList<AccountDataRow>> OfRoomAsync(string userId, RoomNid room, CancellationToken stop);
}

/// <summary>A piece of account data.</summary>
/// <param name="Room">The room; null for global account data.</param>
/// <param name="Position">The position at which it was put.</param>
public sealed record AccountDataRow(RoomNid? Room, string Type, ReadOnlyMemory<byte> Content, long Position)
{
    /// <summary>The bytes of a content that lists of all account data have.</summary>
    public const int Inline = 1024;

    /// <summary>Whether the content is not here, because it is larger than that.</summary>
    public bool IsLarge => Content.IsEmpty;
}

/// <summary>Reads contents that a list of account data left out.</summary>
public static class AccountDataContents
{
    private static readonly ReadOnlyMemory<byte> _deleted = "{}"u8.ToArray();

    /// <summary>The content of a listed piece: if it is large, as it is now.</summary>
    public static async ValueTask<ReadOnlyMemory<byte>> ContentAsync(
        this IAccountDataTable table, string userId, AccountDataRow row, CancellationToken stop) =>
        !row.IsLarge ? row.Content
        : await table.FindAsync(userId, row.Room, row.Type, stop) is { } found ? found.Content
        : _deleted;
}

/// <summary>Puts account data. A null room means global account data.</summary>
/// <param name="Content">The content; empty for a deletion.</param>
/// <remarks>Other nodes do not get the content: it is empty there.</remarks>
public sealed record AccountDataPut(string UserId, RoomNid? Room, string Type, ReadOnlyMemory<byte> Content) : Change
{
    /// <summary>Deletes one piece. Its row stays, so that sync tells clients of it.</summary>
    public static AccountDataPut Deletion(string userId, RoomNid? room, string type) =>
        new(userId, room, type, ReadOnlyMemory<byte>.Empty);

    internal override int Weight => 200 + Content.Length;
}

/// <summary>Deletes all account data of a user whose account ends.</summary>
public sealed record AccountDataDeleted(string UserId) : Change;

/// <summary>Drops the rows of what a user deleted. Clients that have not synced since are not told any more.</summary>
public sealed record DeletedAccountDataForgotten(string UserId) : Change;
