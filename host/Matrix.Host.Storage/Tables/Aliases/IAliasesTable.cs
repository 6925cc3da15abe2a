using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Aliases;

/// <summary>
/// Local room aliases, and the published room directory. Client-Server API, "Room aliases", "Listing rooms".
/// </summary>
public interface IAliasesTable
{
    /// <summary>The room of an alias, or null.</summary>
    ValueTask<AliasRow?> FindAsync(string alias, CancellationToken stop);

    /// <summary>A room's aliases, in order.</summary>
    ValueTask<IReadOnlyList<string>> OfRoomAsync(RoomNid room, CancellationToken stop);

    /// <summary>Whether the room is in the published directory.</summary>
    ValueTask<bool> IsPublishedAsync(RoomNid room, CancellationToken stop);

    /// <summary>Published rooms, most joined members first, a page at a time.</summary>
    /// <param name="after">The last row of the page before; null for the first page.</param>
    ValueTask<IReadOnlyList<PublishedRow>> PublishedAsync(PublishedRow? after, int limit, CancellationToken stop);

    /// <summary>The rows before one, in the opposite order.</summary>
    ValueTask<IReadOnlyList<PublishedRow>> PublishedBeforeAsync(
        PublishedRow before, int limit, CancellationToken stop);

    /// <summary>The number of published rooms.</summary>
    ValueTask<int> PublishedCountAsync(CancellationToken stop);
}

/// <summary>A room alias.</summary>
/// <param name="Creator">The user who created it, and may delete it.</param>
public sealed record AliasRow(string Alias, RoomNid Room, string RoomId, string Creator);

/// <summary>A published room.</summary>
public sealed record PublishedRow(RoomNid Room, string RoomId, int JoinedCount);

/// <summary>Creates an alias. Not applied if it is taken.</summary>
public sealed record AliasCreated(string Alias, RoomNid Room, string Creator) : ConditionalChange;

/// <summary>Deletes an alias. Not applied if there is none.</summary>
public sealed record AliasDeleted(string Alias) : ConditionalChange;

/// <summary>Adds a room to the published directory, or removes it.</summary>
public sealed record DirectoryVisibilityChanged(RoomNid Room, bool Published) : Change;
