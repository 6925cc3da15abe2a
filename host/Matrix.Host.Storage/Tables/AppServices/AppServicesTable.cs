using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.AppServices;

/// <summary>
/// What application services have got, one row for each with at most one transaction.
/// v1.19 application-service-api#pushing-events
/// </summary>
public sealed class AppServicesTable(IReads reads)
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

    internal static void Register(WriteHandlers handlers) => handlers
        .On<AppServiceAdvanced>(Put, static (a, op) => a
            .Text(op.Row.ServiceId).Int(op.Row.Position).Int(op.Row.Skipped).Int(op.Row.DevicePosition)
            .Int(op.Row.TransactionId).BlobOrNull(op.Row.Body).BlobOrNull(op.Row.Delivers));

    /// <summary>What a service has got; null for a service that was never sent to.</summary>
    public ValueTask<AppServiceRow?> FindAsync(string serviceId, CancellationToken stop) => reads.FirstAsync(
        Find,
        serviceId,
        static (a, id) => a.Text(id),
        static row => new AppServiceRow(
            row.Text(0), row.Int64(1), row.Int32(2), row.Int64(3), row.Int64(4), row.BlobOrNull(5), row.BlobOrNull(6)),
        stop);
}

/// <summary>What an application service has got.</summary>
/// <param name="Position">It has got, or does not want, all events up to this position.</param>
/// <param name="Skipped">The same of so many events of the next position.</param>
/// <param name="DevicePosition">It knows all changes of device lists up to this position.</param>
/// <param name="TransactionId">The id of the last transaction; the next one is greater.</param>
/// <param name="Body">The bytes of a transaction that it has not acknowledged; null if there is none.</param>
/// <param name="Delivers">The messages to devices in that transaction.</param>
public sealed record AppServiceRow(
    string ServiceId,
    long Position,
    int Skipped,
    long DevicePosition,
    long TransactionId,
    ReadOnlyMemory<byte>? Body,
    ReadOnlyMemory<byte>? Delivers);

/// <summary>
/// An application service was sent to: its row is replaced. A transaction is written before it is sent for the first
/// time, so that it never changes.
/// </summary>
public sealed record AppServiceAdvanced(AppServiceRow Row) : Change
{
    internal override int Weight => 200 + (Row.Body?.Length ?? 0) + (Row.Delivers?.Length ?? 0);
}
