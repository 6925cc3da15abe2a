using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.RoomData;

/// <summary>
/// The published directory of rooms. Those of application services' networks are a part of their own.
/// </summary>
internal sealed class DirectoryPart : IImportPart
{
    private const string Kind = "published rooms";

    public string Name => "room_directory";

    public string Title => "the directory of rooms";

    // Statistics of rooms are counted here when they are asked for.
    public IReadOnlyList<string> Tables { get; } =
        ["room_stats_current", "room_stats_state", "room_stats_earliest_token"];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM rooms WHERE is_public", stop);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var rooms = new CarriedRooms(context, progress, Kind);
        await foreach (var row in context.Source.RowsAsync(
            "SELECT room_id FROM rooms WHERE is_public AND room_id > $1 ORDER BY room_id",
            stop,
            progress.Reached ?? ""))
        {
            progress.Read(Kind);
            var roomId = row.Text(0);
            if (await rooms.FindAsync(roomId, stop) is { } room)
            {
                progress.Add(new DirectoryVisibilityChanged(room, Published: true));
                progress.Written(Kind);
            }

            await progress.SaveAsync(roomId, stop);
        }
    }
}
