using Matrix.Host.Storage.Tables.Aliases;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.AppServices;

/// <summary>The rooms that application services published in the directories of their networks.</summary>
internal sealed class NetworkRoomsPart() : TablePart(
    "network-rooms", "directories of networks", "rooms in directories of networks", "appservice_room_list")
{
    protected override IReadOnlyList<object> Begin { get; } = ["", "", ""];

    protected override string Sql(SynapseSource source) => """
        SELECT appservice_id, network_id, room_id FROM appservice_room_list
        WHERE (appservice_id, network_id, room_id) > ($1, $2, $3) ORDER BY appservice_id, network_id, room_id
        """;

    protected override async ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        var (service, network, roomId) = (row.Text(0), row.Text(1), row.Text(2));
        if (await context.Target.Rooms.FindAsync(roomId, stop) is not { } room)
        {
            progress.LeaveOut(Kind, $"{service} {network} {roomId}", "The room was not carried.");
            return;
        }

        progress.Add(new NetworkVisibilityChanged($"{service}|{network}", room.Nid, Published: true));
        progress.Written(Kind);
    }
}
