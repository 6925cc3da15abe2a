using Matrix.Core.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.DelayedEvents;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.RoomData;

/// <summary>
/// Delayed events under their ids, so that clients go on restarting them. What was due while nobody ran is sent at the
/// server's first start.
/// </summary>
internal sealed class DelayedEventsPart : IImportPart
{
    private const string Table = "delayed_events";
    private const string Kind = "delayed events";
    private const string Sticky = "sticky_duration_ms";

    public string Name => Table;

    public string Title => "delayed events";

    public IReadOnlyList<string> Tables { get; } = [Table, "delayed_events_stream_pos"];

    public async Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.HasTable(Table)
            ? await context.Source.NumberAsync($"SELECT COUNT(*) FROM {Table}", stop)
            : 0;

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (context.Choices.WithoutHistory || !context.Source.HasTable(Table)) return;
        var rooms = new CarriedRooms(context, progress, Kind);
        var before = progress.Reached ?? "";
        await foreach (var row in context.Source.RowsAsync(
            $"""
            SELECT delay_id, user_localpart, device_id, delay, send_ts, room_id, event_type, state_key,
                origin_server_ts, content, {context.Source.ColumnOr(Table, Sticky, "NULL")}
            FROM {Table} WHERE delay_id > $1 ORDER BY delay_id
            """,
            stop,
            before))
        {
            progress.Read(Kind);
            var delayId = row.Text(0);

            // The id is a secret: the report has the user and the room.
            var (userId, roomId) = ($"@{row.Text(1)}:{context.ServerName}", row.Text(5));
            var subject = $"{row.Text(6)} of {userId} in {roomId}";
            if (delayId == before)
            {
                progress.LeaveOut(Kind, subject, "Another user has one of the same id.");
            }
            else if (!row.TryObject(9, out var content))
            {
                progress.LeaveOut(Kind, subject, "Its content is no JSON object.");
            }
            else if (await rooms.FindAsync(roomId, stop) is not null)
            {
                var delay = row.Int64(3);
                progress.Add(new DelayedEventAdded(new DelayedEventRow(
                    delayId,
                    new UserDevice(userId, row.TextOrNull(2) ?? ""),
                    roomId,
                    row.Text(6),
                    row.TextOrNull(7),
                    CanonicalJson.Bytes(Json.Of(content)),
                    row.Int64OrNull(8),
                    delay,
                    row.Int64(4) - delay,
                    Request: null)));
                progress.Written(Kind);
                if (!row.IsNull(10))
                {
                    progress.LeaveOut(
                        "sticky durations of delayed events", subject, "This server has no sticky events.");
                }
            }

            before = delayId;
            await progress.SaveAsync(delayId, stop);
        }
    }
}
