using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.StoredBytes;

/// <summary>
/// The bytes that users store, so that a bound costs one look-up and not a sum over the rows. A row of some 60 bytes
/// for each user and kind.
/// </summary>
public interface IStoredBytesTable
{
    /// <summary>The bytes of a kind that a user stores.</summary>
    ValueTask<long> FindAsync(string userId, StoredKind kind, CancellationToken stop);
}

/// <summary>What users store.</summary>
public enum StoredKind
{
    /// <summary>Account data, also of rooms.</summary>
    AccountData = 1,

    /// <summary>Filters.</summary>
    Filters = 2,

    /// <summary>Identity, one-time and fallback keys of all devices.</summary>
    DeviceKeys = 3,
}

/// <summary>
/// Applies if a user may store so many more bytes; changes nothing. What does not grow applies beyond the bound too.
/// </summary>
/// <param name="Added">The bytes that come; negative if there will be fewer.</param>
/// <param name="Most">The most bytes of the kind.</param>
public sealed record StoredBytesFit(string UserId, StoredKind Kind, long Added, long Most) : ConditionalChange
{
    /// <summary>The bytes that each row counts besides its own.</summary>
    public const int Overhead = 200;

    /// <summary>The bytes that a row counts.</summary>
    public static long BytesOf(ReadOnlyMemory<byte> content) => content.Length + Overhead;
}
