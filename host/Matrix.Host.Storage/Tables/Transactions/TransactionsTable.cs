using System.Buffers.Binary;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Tables.Transactions;

/// <summary>
/// Requests in commit order: those that made events in `commits`, the others in `transactions`. Each is appended at the
/// end of its table. Only the start of the server reads them.
/// </summary>
internal sealed class TransactionsTable(IReads reads) : ITransactionsTable
{
    private const int HashBytes = 16;

    private static readonly Statement Latest = Statement.Of("""
        SELECT request, event_nid FROM (
            SELECT * FROM (
                SELECT position, request, event_nid FROM commits WHERE request IS NOT NULL
                ORDER BY position DESC LIMIT $1) made
            UNION ALL
            SELECT * FROM (
                SELECT position, request, NULLIF(position, position) FROM transactions
                ORDER BY position DESC LIMIT $1) others
        ) latest ORDER BY position DESC LIMIT $1
        """);

    private static readonly Statement Append = Statement.OfRows(
        "INSERT INTO commits (position, event_nid, ordinals, request) VALUES ($1, $2, $3, $4)");

    private static readonly Statement Record = Statement.Of(
        "INSERT INTO transactions (position, request) VALUES ($1, $2)");

    private static readonly Statement Purge = Statement.Of("""
        DELETE FROM transactions
        WHERE position <= (SELECT position FROM transactions ORDER BY position DESC LIMIT 1 OFFSET $1)
        """);

    public static void Register(WriteHandlers handlers) => handlers
        .On<EventsAppended>(static (op, writes) =>
        {
            if (op.Live is not null) writes.Run(Append, op, BindCommit);
        })
        .On<TransactionRecorded>(Record, static (a, op) => a.Position().Blob(Bytes(op.Request)))
        .On<TransactionsPurged>(Purge, static (a, op) => a.Int(op.Kept));

    public ValueTask<IReadOnlyList<TransactionRow>> LatestAsync(int limit, CancellationToken stop) => reads.ListAsync(
        Latest,
        limit,
        static (a, most) => a.Int(most),
        static row => new TransactionRow(BinaryPrimitives.ReadUInt128BigEndian(row.Blob(0)), row.Nid(1)),
        stop);

    private static void BindCommit(IArguments arguments, EventsAppended appended)
    {
        var (first, ordinals) = appended.Live!.Value;
        arguments.Position().Nid(first).Int(ordinals);
        if (appended.Request is { } request) arguments.Blob(Bytes(request));
        else arguments.BlobOrNull(null);
    }

    private static byte[] Bytes(UInt128 request)
    {
        var bytes = new byte[HashBytes];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, request);
        return bytes;
    }
}
