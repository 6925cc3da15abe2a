using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Aliases;

/// <summary>Local room aliases, and the published room directory. Client-Server API, "Room aliases", "Listing rooms".</summary>
public interface IAliasesTable
{
    /// <summary>What an alias stands for, or null.</summary>
    ValueTask<AliasRow?> FindAsync(string alias, CancellationToken stop);

    /// <summary>A room's aliases, in order.</summary>
    ValueTask<IReadOnlyList<string>> OfRoomAsync(RoomNid room, CancellationToken stop);

    /// <summary>Whether the room is in the published directory.</summary>
    ValueTask<bool> IsPublishedAsync(RoomNid room, CancellationToken stop);

    /// <summary>Published rooms, most joined members first, a page at a time.</summary>
    /// <param name="after">The last of the page before; null for the first page.</param>
    /// <param name="limit">At most this many.</param>
    /// <param name="stop">Cancels the question.</param>
    ValueTask<IReadOnlyList<PublishedRow>> PublishedAsync(PublishedRow? after, int limit, CancellationToken stop);

    /// <summary>How many rooms are published.</summary>
    ValueTask<int> PublishedCountAsync(CancellationToken stop);
}

/// <summary>What an alias stands for.</summary>
/// <param name="Alias">The alias.</param>
/// <param name="Room">The room's number.</param>
/// <param name="RoomId">Its id.</param>
/// <param name="Creator">Who made it: they may delete it.</param>
public sealed record AliasRow(string Alias, RoomNid Room, string RoomId, string Creator);

/// <summary>A published room.</summary>
/// <param name="Room">The room's number.</param>
/// <param name="RoomId">Its id.</param>
/// <param name="JoinedCount">How many are joined.</param>
public sealed record PublishedRow(RoomNid Room, string RoomId, int JoinedCount);

/// <summary>An alias is made. Not applied if it is taken.</summary>
public sealed record AliasCreated(string Alias, RoomNid Room, string Creator) : ConditionalChange;

/// <summary>An alias is deleted. Not applied if there is none.</summary>
public sealed record AliasDeleted(string Alias) : ConditionalChange;

/// <summary>A room enters or leaves the published directory.</summary>
public sealed record DirectoryVisibilityChanged(RoomNid Room, bool Published) : Change;
