using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Transactions;

/// <summary>Requests by transaction id. Client-Server API, "Transaction identifiers".</summary>
public interface ITransactionsTable
{
    /// <summary>The requests on record, the latest first.</summary>
    ValueTask<IReadOnlyList<TransactionRow>> LatestAsync(int limit, CancellationToken stop);
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
