using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.AppServices;

internal sealed class AppServicesTable(IReads reads) : IAppServicesTable
{
    private static readonly Statement Find = Statement.Of("""
        SELECT service_id, position, skipped, device_position, transaction_id, body, delivers FROM app_services
        WHERE service_id = $1
        """);

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO app_services (service_id, position, skipped, device_position, transaction_id, body, delivers)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (service_id) DO UPDATE
        SET position = excluded.position, skipped = excluded.skipped, device_position = excluded.device_position,
            transaction_id = excluded.transaction_id, body = excluded.body, delivers = excluded.delivers
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<AppServiceAdvanced>(Put, static (a, op) => a
            .Text(op.Row.ServiceId).Int(op.Row.Position).Int(op.Row.Skipped).Int(op.Row.DevicePosition)
            .Int(op.Row.TransactionId).BlobOrNull(op.Row.Body).BlobOrNull(op.Row.Delivers));

    public ValueTask<AppServiceRow?> FindAsync(string serviceId, CancellationToken stop) => reads.FirstAsync(
        Find,
        serviceId,
        static (a, id) => a.Text(id),
        static row => new AppServiceRow(
            row.Text(0), row.Int64(1), row.Int32(2), row.Int64(3), row.Int64(4), row.BlobOrNull(5), row.BlobOrNull(6)),
        stop);
}
