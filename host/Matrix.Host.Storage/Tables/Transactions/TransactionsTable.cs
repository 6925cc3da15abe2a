using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Storage.Tables.Transactions;

/// <summary>
/// Requests by transaction id, in commit order: those that made events in `commits`, the others in `transactions`. Each
/// is appended at the end of its table. They are read after the start of a server, and after it got shards of others.
/// v1.19 client-server-api#transaction-identifiers
/// </summary>
public sealed class TransactionsTable(IReads reads)
{
    private const int HashBytes = 16;

    private static readonly Statement Latest = Statement.Of("""
        SELECT request, event_nid FROM (
            SELECT * FROM (
                SELECT position, request, event_nid FROM commits WHERE request IS NOT NULL AND position > $2
                ORDER BY position DESC LIMIT $1) made
            UNION ALL
            SELECT * FROM (
                SELECT position, request, NULLIF(position, position) FROM transactions WHERE position > $2
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

    internal static void Register(WriteHandlers handlers) => handlers
        .On<EventsAppended>(static (op, writes) =>
        {
            if (op.Live is not null) writes.Run(Append, op, BindCommit);
        })
        .On<TransactionRecorded>(Record, static (a, op) => a.Position().Blob(Bytes(op.Request)))
        .On<TransactionsPurged>(Purge, static (a, op) => a.Int(op.Kept));

    /// <summary>The requests on record after a position, the latest first.</summary>
    public ValueTask<IReadOnlyList<TransactionRow>> LatestAsync(int limit, long after, CancellationToken stop) =>
        reads.ListAsync(
            Latest,
            (limit, after),
            static (a, asked) => a.Int(asked.limit).Int(asked.after),
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

/// <summary>The key of a request: requests with equal keys are the same request.</summary>
/// <param name="UserId">The user.</param>
/// <param name="DeviceId">The device. It stays the same when the access token is refreshed.</param>
/// <param name="Endpoint">The request's path without the transaction id, decoded.</param>
/// <param name="TransactionId">The client's transaction id.</param>
public readonly record struct TransactionKey(string UserId, string DeviceId, string Endpoint, string TransactionId)
{
    /// <summary>
    /// The first 16 bytes of the SHA-256 of the key's parts, each preceded by its length. The hash identifies the
    /// request: nobody can make another request with the same hash.
    /// </summary>
    public UInt128 Hash()
    {
        ReadOnlySpan<string> parts = [UserId, DeviceId, Endpoint, TransactionId];
        var length = 0;
        foreach (var part in parts)
        {
            length += 4 + Encoding.UTF8.GetByteCount(part);
        }

        var bytes = length <= 1024 ? stackalloc byte[length] : new byte[length];
        var end = 0;
        foreach (var part in parts)
        {
            var written = Encoding.UTF8.GetBytes(part, bytes[(end + 4)..]);
            BinaryPrimitives.WriteInt32LittleEndian(bytes[end..], written);
            end += 4 + written;
        }

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(bytes, hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }
}

/// <summary>A request that was carried out.</summary>
/// <param name="Request">The hash of its key.</param>
/// <param name="Event">The event that it made, or none.</param>
public readonly record struct TransactionRow(UInt128 Request, EventNid Event);

/// <summary>
/// This batch carries out a request that makes no event. A batch has at most one such change. A request that makes an
/// event is recorded by <see cref="Events.EventsAppended.Request"/>.
/// </summary>
/// <param name="Request">The hash of its key.</param>
public sealed record TransactionRecorded(UInt128 Request) : Change;

/// <summary>Deletes the rows of requests that made no event, except the latest ones.</summary>
public sealed record TransactionsPurged(int Kept) : Change;
