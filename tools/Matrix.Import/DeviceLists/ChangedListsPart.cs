using Matrix.Host.Storage.Tables.Keys;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.DeviceLists;

/// <summary>
/// When the device list of each user changed last, of this server and of others, by Synapse's numbers: a sync since
/// before it names the user.
/// </summary>
internal sealed class ChangedListsPart() : TablePart(
    "changed-device-lists", "changes of device lists", "users whose devices changed", "device_lists_stream")
{
    protected override IReadOnlyList<object> Begin { get; } = [""];

    protected override string Sql(SynapseSource source) => """
        SELECT user_id, MAX(stream_id) FROM device_lists_stream WHERE user_id > $1 GROUP BY user_id ORDER BY user_id
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        progress.Add(new DeviceListChanged(row.Text(0)), row.Int64(1));
        progress.Written(Kind);
        return ValueTask.CompletedTask;
    }
}
