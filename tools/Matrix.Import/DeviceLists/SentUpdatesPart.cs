using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.DeviceLists;

/// <summary>
/// The last update of each user that Synapse sent to each server. The next one names it, so that no server has to fetch
/// a list because another software sends the updates.
/// </summary>
internal sealed class SentUpdatesPart() : TablePart(
    "device-list-sent",
    "the last updates that other servers got",
    "chains of device lists",
    "device_lists_outbound_last_success",
    "device_lists_outbound_pokes")
{
    private long _startAfter;

    protected override IReadOnlyList<object> Begin { get; } = ["", ""];

    protected override string Sql(SynapseSource source) => """
        SELECT s.destination, s.user_id, s.stream_id, p.first_id FROM device_lists_outbound_last_success s
        LEFT JOIN (SELECT destination, user_id, MIN(stream_id) AS first_id FROM device_lists_outbound_pokes
            GROUP BY destination, user_id) AS p ON p.destination = s.destination AND p.user_id = s.user_id
        WHERE (s.destination, s.user_id) > ($1, $2) ORDER BY s.destination, s.user_id
        """;

    protected override async ValueTask BeginAsync(
        ImportContext context, PartProgress progress, CancellationToken stop) =>
        _startAfter = await context.StartAfterAsync(stop);

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        var (server, user, last) = (row.Text(0), row.Text(1), row.Int64(2));
        if (!context.IsLocal(user)) return ValueTask.CompletedTask;

        // A server that is owed nothing has got all that Synapse recorded, whatever other servers lack.
        var through = row.IsNull(3) ? _startAfter : row.Int64(3) - 1;
        progress.Add(new DeviceListSentBefore(server, user, new SentBefore(last, through)));
        progress.Written(Kind);
        return ValueTask.CompletedTask;
    }
}
