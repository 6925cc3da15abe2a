using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.AppServices;

/// <summary>
/// What application services have got, one row for each with at most one transaction. Application Service API,
/// "Pushing events".
/// </summary>
public interface IAppServicesTable
{
    /// <summary>What a service has got; null for a service that was never sent to.</summary>
    ValueTask<AppServiceRow?> FindAsync(string serviceId, CancellationToken stop);
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
