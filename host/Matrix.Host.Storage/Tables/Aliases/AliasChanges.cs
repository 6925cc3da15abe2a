using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Aliases;

/// <summary>A room alias.</summary>
/// <param name="Creator">The user who created it, and may delete it.</param>
public sealed record AliasRow(string Alias, RoomNid Room, string RoomId, string Creator);

/// <summary>One of this server's directories of rooms.</summary>
/// <param name="InstanceId">The network of an application service whose directory it is; null for the server's own
/// directory, and for all together.</param>
/// <param name="IsAll">Whether it is all directories together, each room once.</param>
public readonly record struct RoomDirectory(string? InstanceId, bool IsAll)
{
    /// <summary>The server's own directory.</summary>
    public static RoomDirectory Own => default;

    /// <summary>All directories together.</summary>
    public static RoomDirectory All => new(null, IsAll: true);

    /// <summary>The directory of a network.</summary>
    public static RoomDirectory OfNetwork(string instanceId) => new(instanceId, IsAll: false);
}

/// <summary>A published room.</summary>
public sealed record PublishedRow(RoomNid Room, string RoomId, int JoinedCount);

/// <summary>Creates an alias. Not applied if it is taken.</summary>
public sealed record AliasCreated(string Alias, RoomNid Room, string Creator) : ConditionalChange;

/// <summary>Applies if the user has created fewer aliases that exist; changes nothing.</summary>
public sealed record AliasesFewerThan(string Creator, int Most) : ConditionalChange;

/// <summary>Deletes an alias. Not applied if there is none.</summary>
public sealed record AliasDeleted(string Alias) : ConditionalChange;

/// <summary>
/// All aliases of a room, and its places in the directories, become those of the room that replaces it.
/// </summary>
public sealed record DirectoryMoved(RoomNid From, RoomNid To) : Change;

/// <summary>Adds a room to the published directory, or removes it.</summary>
public sealed record DirectoryVisibilityChanged(RoomNid Room, bool Published) : Change;

/// <summary>Adds a room to the directory of an application service's network, or removes it.</summary>
/// <param name="InstanceId">The network's `instance_id`.</param>
public sealed record NetworkVisibilityChanged(string InstanceId, RoomNid Room, bool Published) : Change;
