using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.ReceivedTransactions;

/// <summary>
/// The last transaction of each server, and its response. A server has one transaction in flight, so that a repeated
/// request is the last one. v1.19 server-server-api#transactions
/// </summary>
public sealed class ReceivedTransactionsTable(IReads reads)
{
    private static readonly Statement Last = Statement.Of(
        "SELECT transaction_id, response FROM received_transactions WHERE origin = $1");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO received_transactions (origin, received_at, transaction_id, response) VALUES ($1, $2, $3, $4)
        ON CONFLICT (origin) DO UPDATE SET received_at = excluded.received_at,
            transaction_id = excluded.transaction_id, response = excluded.response
        """);

    internal static void Register(WriteHandlers handlers) => handlers
        .On<TransactionReceived>(
            Put, static (a, op) => a.Text(op.Origin).Now().Text(op.TransactionId).Blob(op.Response));

    /// <summary>The last transaction of a server; null if there is none.</summary>
    public ValueTask<ReceivedTransactionRow?> LastAsync(string origin, CancellationToken stop) => reads.FirstAsync(
        Last,
        origin,
        static (a, origin) => a.Text(origin),
        static row => new ReceivedTransactionRow(row.Text(0), row.Blob(1)),
        stop);
}

/// <summary>A transaction that was carried out.</summary>
/// <param name="Response">The response, as JSON.</param>
public sealed record ReceivedTransactionRow(string TransactionId, ReadOnlyMemory<byte> Response);

/// <summary>A transaction was carried out.</summary>
public sealed record TransactionReceived(string Origin, string TransactionId, ReadOnlyMemory<byte> Response) : Change
{
    internal override int Weight => 200 + Response.Length;
}
