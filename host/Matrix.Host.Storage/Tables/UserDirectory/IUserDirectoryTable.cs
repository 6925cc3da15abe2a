using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.UserDirectory;

/// <summary>
/// The user directory: the words by which users are found, and users whose entry may be out of date. Client-Server API,
/// "User Directory".
/// </summary>
/// <remarks>
/// A user takes about 250 bytes: a row, and two for each word of the name, of which there are at most
/// `user_directory.words`. Users who are known to share no room with anyone are deleted.
/// </remarks>
public interface IUserDirectoryTable
{
    /// <summary>
    /// Users whom everyone finds, the best matches of the first word first. The cost follows the matches.
    /// </summary>
    ValueTask<IReadOnlyList<DirectoryRow>> OpenAsync(DirectoryQuery query, int limit, CancellationToken stop);

    /// <summary>Users whom only some find, in the same order, whether or not this user is one of these.</summary>
    ValueTask<IReadOnlyList<DirectoryRow>> ClosedAsync(DirectoryQuery query, int limit, CancellationToken stop);

    /// <summary>Those of these users who share a room with the local user. Reads the rooms of each.</summary>
    ValueTask<IReadOnlySet<string>> SharingAsync(
        string localUser, IReadOnlyCollection<string> users, CancellationToken stop);

    /// <summary>
    /// Users whom only some find, and who share a room with the local user. Reads all members of that user's rooms.
    /// </summary>
    ValueTask<IReadOnlyList<DirectoryRow>> SharingAsync(
        string localUser, DirectoryQuery query, int limit, CancellationToken stop);

    /// <summary>
    /// Of each of these users of other servers who share a room with the local user, the room that they joined last.
    /// </summary>
    ValueTask<IReadOnlyDictionary<string, JoinedRoomRow>> SharedRoomsAsync(
        string localUser, IReadOnlyCollection<string> remoteUsers, CancellationToken stop);

    /// <summary>Users whose entry may be out of date, by changes up to a position.</summary>
    ValueTask<IReadOnlyList<PendingUser>> PendingAsync(long through, int limit, CancellationToken stop);

    /// <summary>
    /// A room whose members' entries may be out of date, by a change up to a position; null for none.
    /// </summary>
    ValueTask<PendingRoom?> PendingRoomAsync(long through, CancellationToken stop);

    /// <summary>The rooms to which a user and a local user are joined, the latest of the user first.</summary>
    ValueTask<IReadOnlyList<JoinedRoomRow>> RoomsAsync(string userId, int limit, CancellationToken stop);
}

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
public readonly record struct PendingRoom(RoomNid Room, long Position, string AfterUser);

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
public sealed record DirectoryMembersNoted(PendingRoom Of, IReadOnlyList<string> Users, bool IsEnd) : Change
{
    internal override int Weight => 100 + (100 * Users.Count);
}

/// <summary>A user is in the directory no more.</summary>
public sealed record DirectoryEntryDeleted(PendingUser Of) : Change;
