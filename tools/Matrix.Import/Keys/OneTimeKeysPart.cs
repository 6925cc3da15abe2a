using Matrix.Host.Storage.Tables.Keys;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Keys;

/// <summary>
/// One-time keys that nobody has claimed. Each device's are given away in the order in which it uploaded them, as
/// Synapse would have.
/// </summary>
internal sealed class OneTimeKeysPart()
    : DeviceRowPart("one-time-keys", "one-time keys", "one-time keys", "e2e_one_time_keys_json")
{
    protected override IReadOnlyList<object> Begin { get; } = ["", "", "", long.MinValue, ""];

    protected override string Sql(SynapseSource source) => $"""
        SELECT t.user_id, t.device_id, t.algorithm, t.ts_added_ms, t.key_id, t.key_json, {DeviceColumns}
        FROM e2e_one_time_keys_json t {WithDevice}
        WHERE (t.user_id, t.device_id, t.algorithm, t.ts_added_ms, t.key_id) > ($1, $2, $3, $4, $5)
        ORDER BY t.user_id, t.device_id, t.algorithm, t.ts_added_ms, t.key_id
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        if (!HasDevice(row, 6, progress)) return ValueTask.CompletedTask;
        if (StoredJson.OneTimeKeyBytes(row.Bytes(5)) is { } key)
        {
            progress.Add(new OneTimeKeyUploaded(row.Text(0), row.Text(1), row.Text(2), row.Text(4), key));
            progress.Written(Kind);
        }
        else
        {
            LeaveOut(row, progress, "It is no JSON object or text.");
        }

        return ValueTask.CompletedTask;
    }
}
