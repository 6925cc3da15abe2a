using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.RoomData;

/// <summary>Aliases of this server. Servers that know a room are found by its members here.</summary>
internal sealed class AliasesPart : IImportPart
{
    private const string Kind = "aliases";

    public string Name => "aliases";

    public string Title => "aliases of rooms";

    public IReadOnlyList<string> Tables { get; } = ["room_aliases", "room_alias_servers"];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM room_aliases", stop);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var rooms = new CarriedRooms(context, progress, Kind);
        await foreach (var row in context.Source.RowsAsync(
            "SELECT room_alias, room_id, creator FROM room_aliases WHERE room_alias > $1 ORDER BY room_alias",
            stop,
            progress.Reached ?? ""))
        {
            progress.Read(Kind);
            var (alias, roomId, creator) = (row.Text(0), row.Text(1), row.TextOrNull(2) ?? "");
            if (!alias.StartsWith('#') || !context.IsLocal(alias))
            {
                progress.LeaveOut(Kind, alias, "It is no alias of this server.");
            }
            else if (await rooms.FindAsync(roomId, stop) is { } room)
            {
                progress.Add(new AliasCreated(alias, room, creator));
                progress.Written(Kind);
            }

            await progress.SaveAsync(alias, stop);
        }
    }
}
