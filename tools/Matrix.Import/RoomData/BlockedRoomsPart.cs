using Matrix.Host.Storage.Tables.BlockedRooms;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.RoomData;

/// <summary>Rooms that administrators blocked, whether or not this server has them.</summary>
internal sealed class BlockedRoomsPart : IImportPart
{
    private const string Kind = "blocked rooms";

    public string Name => "blocked_rooms";

    public string Title => "blocked rooms";

    public IReadOnlyList<string> Tables { get; } = ["blocked_rooms"];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM blocked_rooms", stop);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        await foreach (var row in context.Source.RowsAsync(
            "SELECT room_id, user_id FROM blocked_rooms WHERE room_id > $1 ORDER BY room_id",
            stop,
            progress.Reached ?? ""))
        {
            progress.Read(Kind);
            progress.Add(new RoomBlocked(row.Text(0), row.Text(1)));
            progress.Written(Kind);
            await progress.SaveAsync(row.Text(0), stop);
        }
    }
}
