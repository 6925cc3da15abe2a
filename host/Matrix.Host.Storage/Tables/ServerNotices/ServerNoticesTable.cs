using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.ServerNotices;

internal sealed class ServerNoticesTable(IReads reads) : IServerNoticesTable
{
    private static readonly Statement Find = Statement.Of(
        "SELECT room_nid FROM server_notice_rooms WHERE user_id = $1");

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO server_notice_rooms (user_id, room_nid) VALUES ($1, $2) ON CONFLICT (user_id) DO NOTHING
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .OnCondition<NoticeRoomMade>(Insert, static (a, op) => a.Text(op.UserId).Room(op.Room));

    public ValueTask<RoomNid?> FindAsync(string userId, CancellationToken stop) => reads.FirstAsync(
        Find, userId, static (a, userId) => a.Text(userId), static row => (RoomNid?)row.Room(0), stop);
}
