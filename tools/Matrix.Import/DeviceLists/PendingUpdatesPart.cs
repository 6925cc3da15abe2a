using Matrix.Host.Storage.Tables.DeviceUpdates;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.DeviceLists;

/// <summary>
/// The updates that Synapse still owed to servers. Synapse has a row for each server, with a number of its own; here a
/// user's changes are one sequence for all. A device has its latest number in it, and a server is owed what comes after
/// its first.
/// </summary>
internal sealed class PendingUpdatesPart() : TablePart(
    "device-list-pokes",
    "updates of device lists that other servers lack",
    "updates of device lists for servers",
    "device_lists_outbound_pokes",
    "devices")
{
    private readonly Dictionary<string, long> _latest = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _first = new(StringComparer.Ordinal);
    private string _user = "";

    protected override IReadOnlyList<object> Begin { get; } = [""];

    // A hidden device is a cross-signing key.
    protected override string Sql(SynapseSource source) => """
        SELECT p.user_id, p.destination, p.stream_id, p.device_id, d.hidden FROM device_lists_outbound_pokes p
        LEFT JOIN devices d ON d.user_id = p.user_id AND d.device_id = p.device_id
        WHERE p.user_id > $1 ORDER BY p.user_id
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        _user = row.Text(0);
        if (!context.IsLocal(_user)) return ValueTask.CompletedTask;
        var (server, id) = (row.Text(1), row.Int64(2));
        var device = row.Bool(4) ? "" : row.Text(3);
        _latest[device] = Math.Max(id, _latest.GetValueOrDefault(device));
        _first[server] = _first.TryGetValue(server, out var first) ? Math.Min(first, id) : id;
        progress.Written(Kind);
        return ValueTask.CompletedTask;
    }

    protected override ValueTask KeyEndedAsync(
        ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // Two devices may have one number, each for another server.
        var last = 0L;
        foreach (var (device, id) in _latest.OrderBy(static each => each.Value).ThenBy(static each => each.Key))
        {
            last = Math.Max(id, last + 1);
            progress.Add(new DeviceUpdateImported(_user, device, last), last);
        }

        foreach (var (server, first) in _first)
        {
            progress.Add(new DeviceUpdatesEnqueued(server, _user, first - 1));
        }

        _latest.Clear();
        _first.Clear();
        return ValueTask.CompletedTask;
    }
}
