using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.Transactions;

/// <summary>
/// A request is known by a hash of its key, filed under the period in which it was made; a period is as long as results are kept, and the one
/// before it is looked at too. So a row is small, and forgetting is dropping a range.
/// </summary>
internal sealed class TransactionsTable(IReads reads, StorageOptions options) : ITransactionsTable
{
    private static readonly Statement Find = Statement.Of("""
        SELECT t.event_nid, e.event_id, t.response FROM transactions t LEFT JOIN events e ON e.event_nid = t.event_nid
        WHERE t.period IN ($1, $1 - 1) AND t.request = $2
        """);

    private static readonly Statement Record = Statement.Of("""
        INSERT INTO transactions (period, request, event_nid, response)
        SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM transactions WHERE period IN ($1, $1 - 1) AND request = $2)
        """);

    private static readonly Statement Purge = Statement.Of("DELETE FROM transactions WHERE period < $1 - 1");

    public static void Register(WriteHandlers handlers, StorageOptions options) => handlers
        .OnCondition<RecordTransaction>(Record, (a, op) => a
            .Int(Period(options)).Blob(Request(op.Key)).NidOrNull(op.Event)
            .BlobOrNull(op.Response.IsEmpty ? null : op.Response))
        .On<PurgeTransactions>(Purge, (a, _) => a.Int(Period(options)));

    public ValueTask<TransactionRow?> FindAsync(TransactionKey key, CancellationToken stop) => reads.FirstAsync(
        Find,
        (Period: Period(options), key),
        static (a, q) => a.Int(q.Period).Blob(Request(q.key)),
        static row => new TransactionRow(
            row.Nid(0), row.IsNull(1) ? null : row.EventId(1), row.IsNull(2) ? ReadOnlyMemory<byte>.Empty : row.Blob(2)),
        stop);

    private static long Period(StorageOptions options) =>
        options.Time.GetUtcNow().ToUnixTimeMilliseconds() / Math.Max(1, options.TransactionRetentionMs);

    // 16 bytes of SHA-256 over the parts, each behind its length: no two keys that differ are hashed alike.
    private static byte[] Request(TransactionKey key)
    {
        ReadOnlySpan<string> parts = [key.UserId, key.DeviceId, key.Endpoint, key.TransactionId];
        var length = 0;
        foreach (var part in parts)
        {
            length += 4 + Encoding.UTF8.GetByteCount(part);
        }

        var bytes = length <= 512 ? stackalloc byte[length] : new byte[length];
        var end = 0;
        foreach (var part in parts)
        {
            var written = Encoding.UTF8.GetBytes(part, bytes[(end + 4)..]);
            System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(bytes[end..], written);
            end += 4 + written;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return hash[..16].ToArray();
    }
}
