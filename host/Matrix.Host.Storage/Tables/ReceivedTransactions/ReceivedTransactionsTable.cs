using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.ReceivedTransactions;

internal sealed class ReceivedTransactionsTable(IReads reads) : IReceivedTransactionsTable
{
    private static readonly Statement Last = Statement.Of(
        "SELECT transaction_id, response FROM received_transactions WHERE origin = $1");

    private static readonly Statement Put = Statement.Of("""
        INSERT INTO received_transactions (origin, received_at, transaction_id, response) VALUES ($1, $2, $3, $4)
        ON CONFLICT (origin) DO UPDATE SET received_at = excluded.received_at,
            transaction_id = excluded.transaction_id, response = excluded.response
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<TransactionReceived>(
            Put, static (a, op) => a.Text(op.Origin).Now().Text(op.TransactionId).Blob(op.Response));

    public ValueTask<ReceivedTransactionRow?> LastAsync(string origin, CancellationToken stop) => reads.FirstAsync(
        Last,
        origin,
        static (a, origin) => a.Text(origin),
        static row => new ReceivedTransactionRow(row.Text(0), row.Blob(1)),
        stop);
}
