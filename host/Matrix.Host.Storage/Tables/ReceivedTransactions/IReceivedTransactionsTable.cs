using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.ReceivedTransactions;

/// <summary>
/// The last transaction of each server, and its response. A server has one transaction in flight, so that a repeated
/// request is the last one. Server-Server API, "Transactions".
/// </summary>
public interface IReceivedTransactionsTable
{
    /// <summary>The last transaction of a server; null if there is none.</summary>
    ValueTask<ReceivedTransactionRow?> LastAsync(string origin, CancellationToken stop);
}

/// <summary>A transaction that was carried out.</summary>
/// <param name="Response">The response, as JSON.</param>
public sealed record ReceivedTransactionRow(string TransactionId, ReadOnlyMemory<byte> Response);

/// <summary>A transaction was carried out.</summary>
public sealed record TransactionReceived(string Origin, string TransactionId, ReadOnlyMemory<byte> Response) : Change
{
    internal override int Weight => 200 + Response.Length;
}
