using Matrix.Host.Storage.Tables.Keys;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Keys;

/// <summary>Fallback keys, with whether they were used.</summary>
internal sealed class FallbackKeysPart()
    : DeviceRowPart("fallback-keys", "fallback keys", "fallback keys", "e2e_fallback_keys_json")
{
    protected override IReadOnlyList<object> Begin { get; } = ["", "", ""];

    protected override string Sql(SynapseSource source) => $"""
        SELECT t.user_id, t.device_id, t.algorithm, t.key_id, t.key_json, t.used, {DeviceColumns}
        FROM e2e_fallback_keys_json t {WithDevice}
        WHERE (t.user_id, t.device_id, t.algorithm) > ($1, $2, $3) ORDER BY t.user_id, t.device_id, t.algorithm
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        if (!HasDevice(row, 6, progress)) return ValueTask.CompletedTask;
        if (StoredJson.OneTimeKeyBytes(row.Bytes(4)) is { } key)
        {
            progress.Add(new FallbackKeyUploaded(row.Text(0), row.Text(1), row.Text(2), row.Text(3), key)
            {
                IsUsed = row.Bool(5),
            });
            progress.Written(Kind);
        }
        else
        {
            LeaveOut(row, progress, "It is no JSON object or text.");
        }

        return ValueTask.CompletedTask;
    }
}
