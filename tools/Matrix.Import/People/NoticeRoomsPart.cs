using Matrix.Host.Storage.Tables.ServerNotices;
using Matrix.Import.Runs;

namespace Matrix.Import.People;

/// <summary>
/// The rooms of server notices: those that a local user and the user who sends notices are in. If there are several,
/// the newest. Rooms come before it.
/// </summary>
internal sealed class NoticeRoomsPart : PeoplePart
{
    private const string Kind = "rooms of server notices";

    /// <inheritdoc/>
    public override string Name => "notice-rooms";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["local_current_membership"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (context.Settings.NoticesUser is not { } sender) return;
        var ordering = context.Source.ColumnOr("local_current_membership", "event_stream_ordering", "NULL");
        var rows = context.Source.RowsAsync(
            $"""
            SELECT m.user_id, m.room_id FROM local_current_membership m
            JOIN local_current_membership s ON s.room_id = m.room_id AND s.user_id = $1 AND s.membership = 'join'
            JOIN users u ON u.name = m.user_id
            WHERE m.user_id > $2 AND m.user_id <> $1 AND m.membership IN ('invite', 'join')
            ORDER BY m.user_id, m.{ordering} DESC
            """,
            stop,
            $"@{sender}:{context.ServerName}",
            progress.Reached ?? "");
        var before = "";
        await foreach (var row in rows)
        {
            var (userId, roomId) = (row.Text(0), row.Text(1));
            if (userId == before) continue;
            before = userId;
            progress.Read(Kind);
            if (await context.Target.Rooms.FindAsync(roomId, stop) is { } room)
            {
                progress.Add(new NoticeRoomMade(userId, room.Nid));
                progress.Written(Kind);
            }
            else
            {
                progress.LeaveOut(Kind, $"{userId} {roomId}", "The room was left out.");
            }

            await progress.SaveAsync(userId, stop);
        }
    }
}
