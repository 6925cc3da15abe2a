using Matrix.Host.Storage.Tables.Keys;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Keys;

/// <summary>The identity keys of devices.</summary>
internal sealed class DeviceKeysPart()
    : DeviceRowPart("device-keys", "keys of devices", "device keys", "e2e_device_keys_json")
{
    protected override IReadOnlyList<object> Begin { get; } = ["", ""];

    protected override string Sql(SynapseSource source) => $"""
        SELECT t.user_id, t.device_id, t.key_json, {DeviceColumns} FROM e2e_device_keys_json t {WithDevice}
        WHERE (t.user_id, t.device_id) > ($1, $2) ORDER BY t.user_id, t.device_id
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        if (!HasDevice(row, 3, progress)) return ValueTask.CompletedTask;
        if (StoredJson.TryRead(row.Bytes(2), out var keys))
        {
            progress.Add(new DeviceKeysUploaded(row.Text(0), row.Text(1), StoredJson.KeyBytes(keys)));
            progress.Written(Kind);
        }
        else
        {
            LeaveOut(row, progress, "It is no JSON object.");
        }

        return ValueTask.CompletedTask;
    }
}
