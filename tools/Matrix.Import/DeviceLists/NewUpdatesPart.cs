using Matrix.Host.Storage.Tables.Consumers;
using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.DeviceLists;

/// <summary>
/// Changes of devices for which Synapse had not found out yet which servers they concern. They get numbers of this
/// server's, and it finds that out when it starts.
/// </summary>
internal sealed class NewUpdatesPart() : TablePart(
    "device-list-changes",
    "changes of devices that no server has got",
    "changes of devices for all servers",
    "device_lists_changes_in_room",
    "device_lists_changes_converted_stream_position",
    "device_lists_changes_in_room_max_pruned_stream_id",
    "device_lists_remote_pending")
{
    private long _startAfter;

    protected override IReadOnlyList<object> Begin { get; } = ["", ""];

    protected override string Sql(SynapseSource source) => """
        SELECT user_id, device_id, place, hidden FROM (
            SELECT c.user_id, c.device_id, d.hidden,
                ROW_NUMBER() OVER (PARTITION BY c.user_id ORDER BY c.device_id) AS place
            FROM (
                SELECT DISTINCT user_id, device_id FROM device_lists_changes_in_room
                WHERE NOT converted_to_destinations AND (stream_id, room_id) > (
                    SELECT stream_id, room_id FROM device_lists_changes_converted_stream_position
                    ORDER BY stream_id, room_id LIMIT 1)) AS c
            LEFT JOIN devices d ON d.user_id = c.user_id AND d.device_id = c.device_id) AS placed
        WHERE (user_id, device_id) > ($1, $2) ORDER BY user_id, device_id
        """;

    protected override async ValueTask BeginAsync(
        ImportContext context, PartProgress progress, CancellationToken stop) =>
        _startAfter = await context.StartAfterAsync(stop);

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        if (!context.IsLocal(row.Text(0))) return ValueTask.CompletedTask;
        progress.Add(new DeviceUpdateImported(
            row.Text(0), row.Bool(3) ? "" : row.Text(1), _startAfter + row.Int64(2)));
        progress.Written(Kind);
        return ValueTask.CompletedTask;
    }

    protected override ValueTask EndAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // What is at a later position is handled when the server starts.
        progress.Add(new ConsumerAdvanced("device-lists", _startAfter));
        return ValueTask.CompletedTask;
    }
}
