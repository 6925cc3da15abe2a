using Matrix.Host.Storage.Tables.Pushers;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>
/// What pushers still owe: the notifications after the last event that Synapse pushed. They are owed since the event
/// came, so that those of a gateway that has failed for long are not sent late. What the user has read meanwhile, the
/// server leaves out when it sends. Rooms come before it.
/// </summary>
internal sealed class OwedPushesPart : IImportPart
{
    private const string Kind = "pushes that are owed";

    /// <summary>The most that one pusher owes, as on a new server: the newest.</summary>
    private const int Most = 500;

    /// <inheritdoc/>
    public string Name => "owed-pushes";

    /// <inheritdoc/>
    public string Title => Kind;

    /// <inheritdoc/>
    public IReadOnlyList<string> Tables { get; } = ["event_push_actions"];

    /// <inheritdoc/>
    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM pushers", stop);

    /// <inheritdoc/>
    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (!context.Source.HasTable("event_push_actions")) return;
        var enabled = context.Source.ColumnOr("pushers", "enabled", "NULL");
        var pushers = context.Source.RowsAsync(
            $"""
            SELECT id, user_name, last_stream_ordering FROM pushers
            WHERE id > $1 AND last_stream_ordering IS NOT NULL AND COALESCE({enabled}, TRUE) ORDER BY id
            """,
            stop,
            long.TryParse(progress.Reached, out var after) ? after : 0);
        await foreach (var row in pushers)
        {
            var id = row.Int64(0);
            await CarryAsync(id, row.Text(1), row.Int64(2), context, progress, stop);
            await progress.SaveAsync(row.Text(0), stop);
        }
    }

    private static async Task CarryAsync(
        long id, string userId, long after, ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var newest = await context.Source.ListAsync(
            """
            SELECT a.room_id, a.event_id, a.stream_ordering, e.received_ts
            FROM event_push_actions a JOIN events e ON e.event_id = a.event_id
            WHERE a.user_id = $1 AND a.stream_ordering > $2 AND a.notif = 1
            ORDER BY a.stream_ordering DESC LIMIT $3
            """,
            static row => (
                RoomId: row.Text(0), EventId: row.Text(1), Position: row.Int64(2), At: row.Int64OrNull(3)),
            stop,
            userId,
            after,
            (long)Most);
        RoomRow? room = null;
        foreach (var owed in newest)
        {
            progress.Read(Kind);
            if (room?.RoomId != owed.RoomId) room = await context.Target.Rooms.FindAsync(owed.RoomId, stop);
            if (room is null || await context.Target.Events.FindAsync(room.Nid, owed.EventId, stop) is not { } row)
            {
                progress.LeaveOut(Kind, $"{userId} {owed.EventId}", "The event was left out.");
                continue;
            }

            progress.Add(new PushEnqueued(id, owed.Position, row.Nid), owed.Position, owed.At);
            progress.Written(Kind);
        }
    }
}
