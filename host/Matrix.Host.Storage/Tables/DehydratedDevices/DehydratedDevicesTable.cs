using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Storage.Tables.DehydratedDevices;

internal sealed class DehydratedDevicesTable(IReads reads) : IDehydratedDevicesTable
{
    private static readonly Statement Find = Statement.Of(
        "SELECT device_id, data FROM dehydrated_devices WHERE user_id = $1");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO dehydrated_devices (user_id, device_id, data) VALUES ($1, $2, $3)
        ON CONFLICT (user_id) DO UPDATE SET device_id = excluded.device_id, data = excluded.data
        """);

    private static readonly Statement Is = Statement.Of("""
        SELECT 1 WHERE CASE WHEN $2 IS NULL THEN NOT EXISTS (SELECT 1 FROM dehydrated_devices WHERE user_id = $1)
            ELSE EXISTS (SELECT 1 FROM dehydrated_devices WHERE user_id = $1 AND device_id = $2) END
        """);

    private static readonly Statement Delete = Statement.Of(
        "DELETE FROM dehydrated_devices WHERE user_id = $1 AND device_id = $2");

    private static readonly Statement DeleteOthers = Statement.Of(
        "DELETE FROM dehydrated_devices WHERE user_id = $1 AND device_id <> $2");

    public static void Register(WriteHandlers handlers) => handlers
        .On<DeviceDehydrated>(Put, static (a, op) => a.Text(op.UserId).Text(op.Row.DeviceId).Blob(op.Row.Data))
        .OnCondition<DehydratedDeviceIs>(
            Is, static (a, op) => a.Text(op.UserId).TextOrNull(op.DeviceId), static (_, _) => true)
        .On<DeviceDeleted>(static (op, writes) =>
            writes.Run(Delete, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId)))
        // A device that logs in has a client.
        .On<TokensIssued>(static (op, writes) =>
            writes.Run(Delete, op, static (a, op) => a.Text(op.UserId).Text(op.DeviceId)))
        .On<OtherDevicesDeleted>(DeleteOthers, static (a, op) => a.Text(op.UserId).Text(op.Except ?? ""));

    public ValueTask<DehydratedDeviceRow?> FindAsync(string userId, CancellationToken stop) => reads.FirstAsync(
        Find,
        userId,
        static (a, user) => a.Text(user),
        static row => (DehydratedDeviceRow?)new DehydratedDeviceRow(row.Text(0), row.Blob(1)),
        stop);
}
