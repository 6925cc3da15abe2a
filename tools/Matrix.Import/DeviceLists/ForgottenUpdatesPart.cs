using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.DeviceLists;

/// <summary>
/// That devices and keys were written by the import is no news for other servers: nobody is owed an update for it.
/// </summary>
internal sealed class ForgottenUpdatesPart() : TablePart(
    "device-list-users", "users whose device lists go on", "users with device lists", "users")
{
    protected override IReadOnlyList<object> Begin { get; } = [""];

    protected override string Sql(SynapseSource source) => "SELECT name FROM users WHERE name > $1 ORDER BY name";

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        progress.Add(new DeviceUpdatesTrimmed(row.Text(0), Keep: 0));
        progress.Written(Kind);
        return ValueTask.CompletedTask;
    }
}
