using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.RoomRows;

/// <summary>The rows of a room in all tables, to delete them with the room.</summary>
public interface IRoomRowsTable
{
    /// <summary>
    /// The tables with rows of rooms, in the order in which they are emptied. A test compares them with the schema.
    /// </summary>
    IReadOnlyList<string> Tables { get; }

    /// <summary>Whether a table has rows of a room. Where no index finds them, it reads the whole table.</summary>
    ValueTask<bool> AnyAsync(string table, RoomNid room, CancellationToken stop);

    /// <summary>
    /// Users with rows of a room in tables whose keys begin with the user, at most this many. Reads those tables.
    /// </summary>
    ValueTask<IReadOnlyList<string>> UsersAsync(RoomNid room, int limit, CancellationToken stop);

    /// <summary>
    /// Whether something of the room is still to be done before its rows go: events to send to other servers, or
    /// entries of the user directory to renew.
    /// </summary>
    ValueTask<bool> IsAwaitedAsync(RoomNid room, CancellationToken stop);
}

/// <summary>
/// A room is not known any more: it has no row, and local users who did not forget it see that they left. Its other
/// rows are deleted afterwards. Its number is not used again. Applies unless the room is gone already.
/// </summary>
/// <param name="Room">The room.</param>
/// <param name="LocalUsers">The local users with a membership of the room.</param>
/// <param name="DeletedAt">The time in milliseconds.</param>
public sealed record RoomDeleted(
    RoomIdentity Room, IReadOnlyList<string> LocalUsers, long DeletedAt) : ConditionalChange
{
    internal override int Weight => 1000 + (300 * LocalUsers.Count);
}

/// <summary>Some rows of a deleted room in one table are deleted.</summary>
/// <param name="Most">The most rows.</param>
public sealed record RoomRowsDeleted(RoomNid Room, string Table, int Most) : Change
{
    internal override int Weight => 200 * Most;
}

/// <summary>The rows of a deleted room are deleted in the tables whose keys begin with a user.</summary>
public sealed record RoomRowsOfUserDeleted(RoomNid Room, string UserId) : Change;
