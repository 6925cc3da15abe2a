using Matrix.Host.Storage.Tables.DehydratedDevices;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Keys;

/// <summary>Dehydrated devices: what their clients need to read the messages that come to them.</summary>
internal sealed class DehydratedDevicesPart()
    : DeviceRowPart("dehydrated-devices", "dehydrated devices", "dehydrated devices", "dehydrated_devices")
{
    protected override IReadOnlyList<object> Begin { get; } = ["", ""];

    protected override string Sql(SynapseSource source) => $"""
        SELECT t.user_id, t.device_id, t.device_data, {DeviceColumns} FROM dehydrated_devices t {WithDevice}
        WHERE (t.user_id, t.device_id) > ($1, $2) ORDER BY t.user_id, t.device_id
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        if (!HasDevice(row, 3, progress)) return ValueTask.CompletedTask;
        var data = row.Bytes(2);
        if (StoredJson.IsObject(data))
        {
            progress.Add(new DeviceDehydrated(row.Text(0), new DehydratedDeviceRow(row.Text(1), data)));
            progress.Written(Kind);
        }
        else
        {
            LeaveOut(row, progress, "Its data is no JSON object.");
        }

        return ValueTask.CompletedTask;
    }
}
