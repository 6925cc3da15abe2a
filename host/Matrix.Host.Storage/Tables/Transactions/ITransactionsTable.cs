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

/// <summary>What makes a request the same as another.</summary>
/// <param name="UserId">The user.</param>
/// <param name="DeviceId">The device: an access token's renewal keeps it.</param>
/// <param name="Endpoint">The request's path without the transaction id, decoded.</param>
/// <param name="TransactionId">The client's transaction id.</param>
public readonly record struct TransactionKey(string UserId, string DeviceId, string Endpoint, string TransactionId)
{
    /// <summary>
    /// The first 16 bytes of the SHA-256 of its parts, each behind its length: by it a request is known, for nobody can make another with the same.
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
/// A request that makes no event is carried out by this batch; the one of a batch. A request that makes one is recorded by
/// <see cref="Events.EventsAppended.Request"/>.
/// </summary>
/// <param name="Request">The hash of its key.</param>
public sealed record TransactionRecorded(UInt128 Request) : Change;

/// <summary>Forgets all but the latest requests that made no event.</summary>
public sealed record TransactionsPurged(int Kept) : Change;
