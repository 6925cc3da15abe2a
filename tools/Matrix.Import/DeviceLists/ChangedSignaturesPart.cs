using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.DeviceLists;

/// <summary>
/// When users signed others' keys, by Synapse's numbers: only the user who signed sees the change of the other's list.
/// </summary>
internal sealed class ChangedSignaturesPart() : TablePart(
    "changed-signatures", "changes of signatures", "signings of keys", "user_signature_stream")
{
    protected override IReadOnlyList<object> Begin { get; } = [long.MinValue];

    protected override string Sql(SynapseSource source) => """
        SELECT stream_id, from_user_id, user_ids FROM user_signature_stream WHERE stream_id > $1 ORDER BY stream_id
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        var signer = row.Text(1);
        if (!JsonText.TryParseArray(row.Bytes(2), out var users))
        {
            progress.LeaveOut(Kind, $"{row.Int64(0)} {signer}", "The users whose keys were signed are no JSON array.");
            return ValueTask.CompletedTask;
        }

        foreach (var user in users.OfType<Json.String>())
        {
            progress.Add(new DeviceListChanged(user.Item, signer), row.Int64(0));
        }

        progress.Written(Kind);
        return ValueTask.CompletedTask;
    }
}
