using System.Net;
using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Network.Keys;

/// <summary>A signing key of a server. Times are in milliseconds since the epoch.</summary>
/// <param name="ValidUntil">The end of its validity, at most seven days after it was fetched.</param>
/// <param name="ExpiredAt">When the server stopped using it (`old_verify_keys`); null while it is in use.</param>
public sealed record ServerKey(
    string Server, string KeyId, ReadOnlyMemory<byte> PublicKey, long ValidUntil, long? ExpiredAt)
{
    /// <summary>Whether the key may verify something of this time.</summary>
    public bool IsValid(long validAt, KeyUse use) =>
        ExpiredAt is { } end
            ? use != KeyUse.Request && validAt <= end
            : use == KeyUse.EventWithoutValidity || validAt <= ValidUntil;
}

/// <summary>What a key verifies.</summary>
public enum KeyUse
{
    /// <summary>A request: by keys in use only.</summary>
    Request,

    /// <summary>An event of room version 5 or later, by its `origin_server_ts`.</summary>
    Event,

    /// <summary>
    /// An event of room versions 1 to 4, where `valid_until_ts` is ignored. A former key must still have been in use at
    /// the event's `origin_server_ts`.
    /// </summary>
    EventWithoutValidity,
}

/// <summary>The signing keys of servers. v1.19 server-server-api#retrieving-server-keys</summary>
public interface IServerKeys
{
    /// <summary>
    /// The keys of a server with these ids, by id, from memory, the database or the server itself. Keys that cannot be
    /// had, or are not valid at that time, are left out.
    /// </summary>
    /// <param name="validAt">The time of the request or event, in milliseconds since the epoch.</param>
    /// <exception cref="StorageException">The database failed.</exception>
    ValueTask<IReadOnlyDictionary<string, ServerKey>> FindAsync(
        string server, IReadOnlyCollection<string> keyIds, long validAt, KeyUse use, CancellationToken stop);

    /// <summary>
    /// The same, caused by a request that is not authenticated yet. Such fetches are bounded for each address and
    /// overall.
    /// </summary>
    ValueTask<IReadOnlyDictionary<string, ServerKey>> FindAsync(
        string server,
        IReadOnlyCollection<string> keyIds,
        long validAt,
        KeyUse use,
        IPAddress askedBy,
        CancellationToken stop) => FindAsync(server, keyIds, validAt, use, stop);

    /// <summary>
    /// The same, caused by events that another server sent. Such fetches are bounded for each server that sends.
    /// </summary>
    ValueTask<IReadOnlyDictionary<string, ServerKey>> FindAsync(
        string server,
        IReadOnlyCollection<string> keyIds,
        long validAt,
        KeyUse use,
        string sentBy,
        CancellationToken stop) => FindAsync(server, keyIds, validAt, use, stop);
}
