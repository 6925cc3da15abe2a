using Matrix.Host.Storage.Tables.StagedEvents;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Rooms;

/// <summary>
/// Events of other servers that Synapse acknowledged and has not decided. The server decides them when it starts.
/// </summary>
internal sealed class StagedPart : IImportPart
{
    private const string Kind = "staged events";

    public string Name => "staged";

    public string Title => "received events that wait";

    public IReadOnlyList<string> Tables { get; } = ["federation_inbound_events_staging"];

    public async Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.HasTable(Tables[0])
            ? await context.Source.NumberAsync("SELECT COUNT(*) FROM federation_inbound_events_staging", stop)
            : 0;

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (progress.Reached is not null || !context.Source.HasTable(Tables[0])) return;
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT room_id, event_id, origin, event_json, received_ts FROM federation_inbound_events_staging
            ORDER BY received_ts, event_id
            """,
            stop))
        {
            progress.Read(Kind);
            var (roomId, eventId) = (row.Text(0), row.Text(1));
            if (await context.Target.Rooms.FindAsync(roomId, stop) is not { } room)
            {
                progress.LeaveOut(Kind, eventId, $"Its room {roomId} is not here.");
                continue;
            }

            progress.Add(new EventStaged(room.Nid, eventId, row.Text(2), row.Bytes(3), row.Int64(4)));
            progress.Written(Kind);
        }

        // One batch: there are few, or Synapse would be far behind.
        await progress.FlushAsync("all", stop);
    }
}
