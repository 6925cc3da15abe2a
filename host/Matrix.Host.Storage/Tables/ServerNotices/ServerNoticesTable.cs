using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.ServerNotices;

/// <summary>
/// The rooms of server notices: a row of some 60 bytes for each user who got one.
/// v1.19 client-server-api#server-notices
/// </summary>
public sealed class ServerNoticesTable(IReads reads)
{
    private static readonly Statement Find = Statement.Of(
        "SELECT room_nid FROM server_notice_rooms WHERE user_id = $1");

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO server_notice_rooms (user_id, room_nid) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .OnCondition<NoticeRoomMade>(Insert, static (a, op) => a.Text(op.UserId).Room(op.Room));

    /// <summary>The room of a user's notices; null if they never got one.</summary>
    public ValueTask<RoomNid?> FindAsync(string userId, CancellationToken stop) => reads.FirstAsync(
        Find, userId, static (a, userId) => a.Text(userId), static row => (RoomNid?)row.Room(0), stop);
}

/// <summary>A room becomes that of a user's notices. Not applied if the user has one.</summary>
public sealed record NoticeRoomMade(string UserId, RoomNid Room) : ConditionalChange;
