using System.Buffers.Binary;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Transactions;

/// <summary>A row at the end for each request: nothing is looked up here but at start.</summary>
internal sealed class TransactionsTable(IReads reads) : ITransactionsTable
{
    private const int HashBytes = 16;

    private static readonly Statement Latest = Statement.Of("SELECT request, event_nid FROM transactions ORDER BY position DESC LIMIT $1");
    private static readonly Statement Record = Statement.Of("INSERT INTO transactions (position, event_nid, request) VALUES ($1, $2, $3)");

    private static readonly Statement Purge = Statement.Of("""
        DELETE FROM transactions WHERE position <= (SELECT position FROM transactions ORDER BY position DESC LIMIT 1 OFFSET $1)
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<TransactionRecorded>(Record, static (a, op) => a.Position().NidOrNull(op.Event).Blob(Bytes(op.Request)))
        .On<TransactionsPurged>(Purge, static (a, op) => a.Int(op.Kept));

    public ValueTask<IReadOnlyList<TransactionRow>> LatestAsync(int limit, CancellationToken stop) => reads.ListAsync(
        Latest,
        limit,
        static (a, most) => a.Int(most),
        static row => new TransactionRow(BinaryPrimitives.ReadUInt128BigEndian(row.Blob(0)), row.Nid(1)),
        stop);

    private static byte[] Bytes(UInt128 request)
    {
        var bytes = new byte[HashBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, request);
        return bytes;
    }
}
