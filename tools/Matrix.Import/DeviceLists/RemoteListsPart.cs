using System.Globalization;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Storage.Tables.RemoteDevices;
using Matrix.Import.Keys;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.DeviceLists;

/// <summary>
/// The device lists of other servers' users, with the number of the last update that Synapse had of each: the next one
/// names it, and nothing has to be fetched. Those that Synapse wanted to fetch again are fetched at the start.
/// </summary>
internal sealed class RemoteListsPart() : TablePart(
    "remote-device-lists",
    "device lists of other servers' users",
    "device lists of other servers",
    "device_lists_remote_extremeties",
    "device_lists_remote_cache",
    "device_lists_remote_resync")
{
    private const string Devices = "devices of other servers' users";

    private long _startAfter;

    protected override IReadOnlyList<object> Begin { get; } = [""];

    // Without an extremity, Synapse does not follow the list any more.
    protected override string Sql(SynapseSource source) => """
        SELECT e.user_id, e.stream_id, r.user_id FROM device_lists_remote_extremeties e
        LEFT JOIN device_lists_remote_resync r ON r.user_id = e.user_id
        WHERE e.user_id > $1 ORDER BY e.user_id
        """;

    protected override async ValueTask BeginAsync(
        ImportContext context, PartProgress progress, CancellationToken stop) =>
        _startAfter = await context.StartAfterAsync(stop);

    protected override async ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        var (user, number, isStale) = (row.Text(0), row.Text(1), !row.IsNull(2));
        if (context.IsLocal(user)) return;

        // A number that is none leads nowhere: the list is fetched again.
        if (!long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var fetched)) isStale = true;
        var keys = await KeysAsync(context.Source, user, progress, stop);
        var devices = await DevicesAsync(context.Source, user, progress, stop);
        progress.Add(new RemoteListFetched(
            new RemoteListRow(
                user,
                fetched,
                SharedSince: _startAfter,
                isStale,
                ReceivedIds: [],
                Key(keys, CrossSigningUsage.Master),
                Key(keys, CrossSigningUsage.SelfSigning)),
            devices));
        progress.Written(Kind);
        progress.Written(Devices, devices.Count);
    }

    private async ValueTask<Dictionary<CrossSigningUsage, byte[]>> KeysAsync(
        SynapseSource source, string user, PartProgress progress, CancellationToken stop)
    {
        var keys = new Dictionary<CrossSigningUsage, byte[]>();
        await foreach (var row in source.RowsAsync(
            $"SELECT k.keytype, k.keydata FROM {CrossSigningKey.Latest} AND k.user_id = $1", stop, user))
        {
            if (CrossSigningKey.Read(user, row.Text(0), row.Bytes(1), out var fault) is { } key)
            {
                keys[key.Usage] = key.Json;
            }
            else
            {
                progress.LeaveOut(Kind, $"{user} {row.Text(0)}", fault);
            }
        }

        return keys;
    }

    private static async ValueTask<List<RemoteDeviceRow>> DevicesAsync(
        SynapseSource source, string user, PartProgress progress, CancellationToken stop)
    {
        var devices = new List<RemoteDeviceRow>();
        await foreach (var row in source.RowsAsync(
            "SELECT device_id, content FROM device_lists_remote_cache WHERE user_id = $1 ORDER BY device_id",
            stop,
            user))
        {
            progress.Read(Devices);
            var device = row.Text(0);
            if (!StoredJson.TryRead(row.Bytes(1), out var content))
            {
                progress.LeaveOut(Devices, $"{user} {device}", "It is no JSON object.");
            }
            else if (StoredJson.ObjectOf(content, "keys") is { } keys)
            {
                if (IsOf(keys, user, device))
                {
                    devices.Add(new RemoteDeviceRow(
                        user, device, StoredJson.TextOf(content, "device_display_name"), StoredJson.KeyBytes(keys)));
                }
                else
                {
                    progress.LeaveOut(Devices, $"{user} {device}", "Its keys name another user or device.");
                }
            }
        }

        return devices;
    }

    private static bool IsOf(JsonObject keys, string user, string device) =>
        StoredJson.TextOf(keys, "user_id") == user && StoredJson.TextOf(keys, "device_id") == device;

    // A conditional expression would make an empty key of none.
    private static ReadOnlyMemory<byte>? Key(Dictionary<CrossSigningUsage, byte[]> keys, CrossSigningUsage usage)
    {
        if (!keys.TryGetValue(usage, out var key)) return null;
        return key;
    }
}
