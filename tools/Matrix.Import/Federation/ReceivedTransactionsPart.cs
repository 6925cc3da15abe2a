using Matrix.Host.Storage.Tables.ReceivedTransactions;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Federation;

/// <summary>The last transaction of each server, with the response: one that is repeated gets it again.</summary>
internal sealed class ReceivedTransactionsPart() : TablePart(
    "received-transactions",
    "last transactions of other servers",
    "last transactions of servers",
    "received_transactions")
{
    protected override IReadOnlyList<object> Begin { get; } = [""];

    protected override string Sql(SynapseSource source) => """
        SELECT origin, transaction_id, ts, response_json FROM (
            SELECT origin, transaction_id, ts, response_json,
                ROW_NUMBER() OVER (PARTITION BY origin ORDER BY ts DESC, transaction_id DESC) AS place
            FROM received_transactions WHERE response_code = 200) AS placed
        WHERE place = 1 AND origin > $1 ORDER BY origin
        """;

    protected override ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        var (origin, id, response) = (row.Text(0), row.Text(1), row.Bytes(3));
        if (StoredJson.IsObject(response))
        {
            // The position says nothing of a transaction; only its time does.
            progress.Add(new TransactionReceived(origin, id, response), position: 0, at: row.Int64(2));
            progress.Written(Kind);
        }
        else
        {
            progress.LeaveOut(Kind, $"{origin} {id}", "The response is no JSON object.");
        }

        return ValueTask.CompletedTask;
    }
}
