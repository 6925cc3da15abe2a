namespace Matrix.Host.Storage.Tables.Transactions;

/// <summary>Results by transaction id. Client-Server API, "Transaction identifiers".</summary>
public interface ITransactionsTable
{
    /// <summary>What a request with this key answered, or null if none was made (or it is too long ago).</summary>
    ValueTask<TransactionRow?> FindAsync(TransactionKey key, CancellationToken stop);
}

/// <summary>What makes a request the same as another.</summary>
/// <param name="UserId">The user.</param>
/// <param name="DeviceId">The device: an access token's renewal keeps it.</param>
/// <param name="Endpoint">The request's path without the transaction id, decoded.</param>
/// <param name="TransactionId">The client's transaction id.</param>
public sealed record TransactionKey(string UserId, string DeviceId, string Endpoint, string TransactionId);

/// <summary>What a request answered.</summary>
/// <param name="Event">The event that it made, or none.</param>
/// <param name="EventId">That event's id, or null.</param>
/// <param name="Response">The body of the answer where an event's id does not say it all; empty otherwise.</param>
public sealed record TransactionRow(EventNid Event, string? EventId, ReadOnlyMemory<byte> Response);
