using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.ServerKeys;

/// <summary>
/// Signing keys of other servers. Server-Server API, "Retrieving server keys". About 150 bytes a row. Each server has
/// at most `federation.keys_per_server` rows, and has rows only if one of its keys verified an event.
/// </summary>
public interface IServerKeysTable
{
    /// <summary>The keys of a server.</summary>
    ValueTask<IReadOnlyList<ServerKeyRow>> OfServerAsync(string serverName, CancellationToken stop);

    /// <summary>
    /// The responses with a server's keys: the latest, and earlier ones with other keys, at most
    /// `federation.earlier_key_responses`.
    /// </summary>
    ValueTask<IReadOnlyList<ServerKeyResponse>> ResponsesAsync(string serverName, CancellationToken stop);
}

/// <summary>A response with a server's keys, which the server signed.</summary>
/// <param name="Json">The whole response: at most `federation.key_response_bytes`, mostly about 600 bytes.</param>
/// <param name="FetchedAt">When the server itself returned it; 0 if another server did.</param>
public sealed record ServerKeyResponse(ReadOnlyMemory<byte> Json, long FetchedAt);

/// <summary>A key of a server. Times are in milliseconds since the epoch.</summary>
/// <param name="PublicKey">32 bytes.</param>
/// <param name="ValidUntil">Until when the server, or this one, says that the key is valid.</param>
/// <param name="ExpiredAt">When the server stopped using the key; null if it did not say so.</param>
/// <param name="FetchedAt">When the response with the key was fetched.</param>
public sealed record ServerKeyRow(
    string KeyId, ReadOnlyMemory<byte> PublicKey, long ValidUntil, long? ExpiredAt, long FetchedAt);

/// <summary>The keys of a server were fetched; they replace those that were stored.</summary>
/// <param name="Responses">The latest response, then earlier ones; null if the stored ones are to stay.</param>
public sealed record ServerKeysFetched(
    string ServerName, IReadOnlyList<ServerKeyRow> Keys, IReadOnlyList<ServerKeyResponse>? Responses = null) : Change
{
    internal override int Weight =>
        (200 * (1 + Keys.Count)) + (Responses?.Sum(static response => response.Json.Length) ?? 0);
}
