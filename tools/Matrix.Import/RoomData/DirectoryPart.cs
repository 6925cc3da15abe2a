using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.RoomData;

/// <summary>The published directory of rooms, and those of application services' networks.</summary>
internal sealed class DirectoryPart : IImportPart
{
    private const string Kind = "published rooms";
    private const string NetworkKind = "rooms published by application services";

    // Where the part goes on: after a room of the directory, or after one of the networks' rooms.
    private const string Own = "own";
    private const string Networks = "networks";

    public string Name => "room_directory";

    public string Title => "the directory of rooms";

    // Statistics of rooms are counted here when they are asked for.
    public IReadOnlyList<string> Tables { get; } =
        ["appservice_room_list", "room_stats_current", "room_stats_state", "room_stats_earliest_token"];

    public async Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        await context.Source.NumberAsync("SELECT COUNT(*) FROM rooms WHERE is_public", stop)
        + (HasNetworks(context)
            ? await context.Source.NumberAsync("SELECT COUNT(*) FROM appservice_room_list", stop)
            : 0);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        var reached = (progress.Reached ?? Own).Split('\n');
        if (reached[0] == Own) await CarryOwnAsync(context, progress, reached.ElementAtOrDefault(1) ?? "", stop);
        if (!HasNetworks(context)) return;
        await CarryNetworksAsync(
            context, progress, reached[0] == Networks ? [.. reached.Skip(1)] : ["", "", ""], stop);
    }

    private static bool HasNetworks(ImportContext context) => context.Source.HasTable("appservice_room_list");

    private static async Task CarryOwnAsync(
        ImportContext context, PartProgress progress, string after, CancellationToken stop)
    {
        var rooms = new CarriedRooms(context, progress, Kind);
        await foreach (var row in context.Source.RowsAsync(
            "SELECT room_id FROM rooms WHERE is_public AND room_id > $1 ORDER BY room_id", stop, after))
        {
            progress.Read(Kind);
            var roomId = row.Text(0);
            if (await rooms.FindAsync(roomId, stop) is { } room)
            {
                progress.Add(new DirectoryVisibilityChanged(room, Published: true));
                progress.Written(Kind);
            }

            await progress.SaveAsync($"{Own}\n{roomId}", stop);
        }
    }

    private static async Task CarryNetworksAsync(
        ImportContext context, PartProgress progress, string[] after, CancellationToken stop)
    {
        var rooms = new CarriedRooms(context, progress, NetworkKind);
        await foreach (var row in context.Source.RowsAsync(
            """
            SELECT appservice_id, network_id, room_id FROM appservice_room_list
            WHERE (appservice_id, network_id, room_id) > ($1, $2, $3) ORDER BY appservice_id, network_id, room_id
            """,
            stop,
            after[0],
            after[1],
            after[2]))
        {
            progress.Read(NetworkKind);
            var (service, network, roomId) = (row.Text(0), row.Text(1), row.Text(2));
            if (await rooms.FindAsync(roomId, stop) is { } room)
            {
                progress.Add(new NetworkVisibilityChanged($"{service}|{network}", room, Published: true));
                progress.Written(NetworkKind);
            }

            await progress.SaveAsync($"{Networks}\n{service}\n{network}\n{roomId}", stop);
        }
    }
}
