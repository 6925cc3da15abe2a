using Matrix.Host.Storage.Tables.SingleSignOn;
using Matrix.Import.Runs;

namespace Matrix.Import.People;

/// <summary>Devices that an identity provider logged in: when its session ends, they are logged out.</summary>
internal sealed class SignOnSessionsPart : PeoplePart
{
    private const string Kind = "sessions of providers";

    /// <inheritdoc/>
    public override string Name => "sign-on-sessions";

    /// <inheritdoc/>
    public override string Title => Kind;

    /// <inheritdoc/>
    public override IReadOnlyList<string> Tables { get; } = ["device_auth_providers"];

    /// <inheritdoc/>
    protected override async Task ReadAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        // Here a device has one session: the first is carried.
        var after = RowKey.Columns(progress.Reached, 2);
        var rows = context.Source.RowsAsync(
            """
            SELECT s.user_id, s.device_id, s.auth_provider_id, s.auth_provider_session_id
            FROM device_auth_providers s
            WHERE (s.user_id, s.device_id) > ($1, $2)
                AND EXISTS (SELECT 1 FROM devices d JOIN users u ON u.name = d.user_id
                    WHERE d.user_id = s.user_id AND d.device_id = s.device_id)
            ORDER BY s.user_id, s.device_id, s.auth_provider_id, s.auth_provider_session_id
            """,
            stop,
            after[0],
            after[1]);
        var before = (UserId: "", DeviceId: "");
        await foreach (var row in rows)
        {
            var (userId, deviceId, provider) = (row.Text(0), row.Text(1), row.Text(2));
            if (before == (userId, deviceId)) continue;

            // Rows of the device before are complete.
            if (before.UserId.Length > 0) await progress.SaveAsync(RowKey.Of(before.UserId, before.DeviceId), stop);
            before = (userId, deviceId);
            progress.Read(Kind);
            if (Issuers.Of(provider, context) is { } issuer)
            {
                progress.Add(new SsoSessionBegun(new SsoSessionRow(userId, deviceId, issuer, row.Text(3))));
                progress.Written(Kind);
            }
            else
            {
                progress.LeaveOut(
                    Kind, $"{userId} {deviceId}",
                    $"This server does not know the provider '{provider}'. The device stays logged in.");
            }
        }
    }
}
