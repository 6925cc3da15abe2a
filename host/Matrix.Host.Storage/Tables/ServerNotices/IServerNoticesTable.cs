using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.ServerNotices;

/// <summary>
/// The rooms of server notices: a row of some 60 bytes for each user who got one. Client-Server API, "Server Notices".
/// </summary>
public interface IServerNoticesTable
{
    /// <summary>The room of a user's notices; null if they never got one.</summary>
    ValueTask<RoomNid?> FindAsync(string userId, CancellationToken stop);
}

/// <summary>A room becomes that of a user's notices. Not applied if the user has one.</summary>
public sealed record NoticeRoomMade(string UserId, RoomNid Room) : ConditionalChange;
