using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.People;

/// <summary>Devices and when they were last seen. Synapse's hidden devices are cross-signing keys.</summary>
internal sealed class DevicesPart : PeoplePart
{
    private const string Kind = "devices";

    /// <inheritdoc/>
    public override string Name => "devices";

    /// <inheritdoc/>
    public override string Title => "devices";

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["devices", "user_ips"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // Synapse does not know when a device logged in: its first token was made then.
        var after = RowKey.Columns(progress.Reached, 2);
        var rows = context.Source.RowsAsync(
            """
            SELECT d.user_id, d.device_id, d.display_name, d.last_seen, d.ip, d.user_agent, u.name, u.creation_ts,
                (SELECT MIN(t.last_validated) FROM access_tokens t
                    WHERE t.user_id = d.user_id AND t.device_id = d.device_id),
                CASE WHEN d.hidden THEN 1 ELSE 0 END
            FROM devices d LEFT JOIN users u ON u.name = d.user_id
            WHERE (d.user_id, d.device_id) > ($1, $2) ORDER BY d.user_id, d.device_id
            """,
            stop,
            after[0],
            after[1]);
        await foreach (var row in rows)
        {
            var (userId, deviceId) = (row.Text(0), row.Text(1));
            if (!row.Bool(9))
            {
                progress.Read(Kind);
                if (row.IsNull(6)) progress.LeaveOut(Kind, $"{userId} {deviceId}", NoAccount);
                else if (deviceId.Length == 0) progress.LeaveOut(Kind, userId, "A device has an id.");
                else await CarryAsync(userId, deviceId, row, context, progress, stop);
            }

            await progress.SaveAsync(RowKey.Of(userId, deviceId), stop);
        }
    }

    private static async Task CarryAsync(
        string userId, string deviceId, ISourceRow row, ImportContext context, PartProgress progress,
        CancellationToken stop)
    {
        var seen = row.Int64OrNull(3) is { } at
            ? new DeviceSeen(userId, deviceId, at, row.Text(4), row.TextOrNull(5))
            : null;
        var createdAt = row.Int64OrNull(8) ?? seen?.SeenAt ?? (row.Int64OrNull(7) * 1000);
        progress.Add(new DeviceAdded(userId, deviceId, row.TextOrNull(2)), First, createdAt);
        seen ??= await SeenByAddressAsync(userId, deviceId, context.Source, stop);
        if (seen is not null) progress.Add(seen);
        progress.Written(Kind);
    }

    private static async Task<DeviceSeen?> SeenByAddressAsync(
        string userId, string deviceId, SynapseSource source, CancellationToken stop)
    {
        if (!source.HasTable("user_ips")) return null;
        var seen = await source.ListAsync(
            """
            SELECT last_seen, ip, user_agent FROM user_ips WHERE user_id = $1 AND device_id = $2
            ORDER BY last_seen DESC LIMIT 1
            """,
            row => new DeviceSeen(userId, deviceId, row.Int64(0), row.Text(1), row.TextOrNull(2)),
            stop,
            userId,
            deviceId);
        return seen.Count == 0 ? null : seen[0];
    }
}
