using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.UserDirectory;

/// <summary>The words of a search; a user is found who has words that begin with each of them.</summary>
/// <param name="First">The word that begins the search in the index.</param>
/// <param name="Second">A further word; empty for none.</param>
/// <param name="Third">A further word; empty for none.</param>
/// <param name="AllLocal">Whether everyone finds all local users.</param>
public sealed record DirectoryQuery(string First, string Second, string Third, bool AllLocal);

/// <summary>A user of the directory.</summary>
/// <param name="Word">The word that begins with that of the search.</param>
public sealed record DirectoryRow(string UserId, string? DisplayName, string? AvatarUrl, string Word);

/// <summary>A user whose entry may be out of date.</summary>
/// <param name="Position">The position since which it may be.</param>
public readonly record struct PendingUser(string UserId, long Position);

/// <summary>A room whose members' entries may be out of date.</summary>
/// <param name="Position">The position since which they may be.</param>
/// <param name="AfterUser">The last member who was noted; empty for none.</param>
public readonly record struct PendingEntry(RoomNid Room, long Position, string AfterUser);

/// <summary>A room of a user, with the user's member event.</summary>
public readonly record struct JoinedRoomRow(RoomNid Room, EventNid Event);

/// <summary>A user's entry was made.</summary>
/// <param name="Words">The words by which the user is found.</param>
/// <param name="IsOpen">Whether everyone finds the user.</param>
/// <param name="Of">What the entry was made for.</param>
public sealed record DirectoryEntryPut(
    PendingUser Of,
    string? DisplayName,
    string? AvatarUrl,
    bool IsOpen,
    bool IsLocal,
    IReadOnlyList<string> Words) : Change
{
    internal override int Weight => 400 + (100 * Words.Count);
}

/// <summary>Members of a room were noted: their entries may be out of date.</summary>
/// <param name="Of">What they were noted for.</param>
/// <param name="Users">The members.</param>
/// <param name="IsEnd">Whether these were the last ones.</param>
public sealed record DirectoryMembersNoted(PendingEntry Of, IReadOnlyList<string> Users, bool IsEnd) : Change
{
    internal override int Weight => 100 + (100 * Users.Count);
}

/// <summary>A user is in the directory no more.</summary>
public sealed record DirectoryEntryDeleted(PendingUser Of) : Change;
