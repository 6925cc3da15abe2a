using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.ServerKeys;

/// <summary>
/// Signing keys of other servers. v1.19 server-server-api#retrieving-server-keys. About 150 bytes a row. Each server
/// has at most `federation.keys_per_server` rows, and has rows only if one of its keys verified an event.
/// </summary>
public sealed class ServerKeysTable(IReads reads)
{
    private static readonly Statement OfServer = Statement.Of("""
        SELECT key_id, public_key, valid_until, expired_at, fetched_at FROM server_keys
        WHERE server_name = $1 ORDER BY key_id
        """);

    private static readonly Statement Responses = Statement.Of(
        "SELECT response, fetched_at FROM server_key_responses WHERE server_name = $1 ORDER BY place");

    private static readonly Statement DeleteResponses = Statement.Of(
        "DELETE FROM server_key_responses WHERE server_name = $1");

    private static readonly Statement InsertResponse = Statement.Of("""
        INSERT INTO server_key_responses (server_name, place, response, fetched_at) VALUES ($1, $2, $3, $4)
        """);

    private static readonly Statement Delete = Statement.Of("DELETE FROM server_keys WHERE server_name = $1");

    private static readonly Statement Insert = Statement.Of("""
        INSERT INTO server_keys (server_name, key_id, public_key, valid_until, expired_at, fetched_at)
        VALUES ($1, $2, $3, $4, $5, $6)
        """);

    /// <summary>The keys of a server.</summary>
    public ValueTask<IReadOnlyList<ServerKeyRow>> OfServerAsync(string serverName, CancellationToken stop) =>
        reads.ListAsync(
            OfServer,
            serverName,
            static (a, name) => a.Text(name),
            static row =>
                new ServerKeyRow(row.Text(0), row.Blob(1), row.Int64(2), row.Int64OrNull(3), row.Int64(4)),
            stop);

    /// <summary>
    /// The responses with a server's keys: the latest, and earlier ones with other keys, at most
    /// `federation.earlier_key_responses`.
    /// </summary>
    public ValueTask<IReadOnlyList<ServerKeyResponse>> ResponsesAsync(string serverName, CancellationToken stop) =>
        reads.ListAsync(
            Responses,
            serverName,
            static (a, name) => a.Text(name),
            static row => new ServerKeyResponse(row.Blob(0), row.Int64(1)),
            stop);

    internal static void Register(WriteHandlers handlers) => handlers
        .On<ServerKeysFetched>(static (op, writes) =>
        {
            writes.Run(Delete, op.ServerName, static (a, name) => a.Text(name));
            foreach (var key in op.Keys)
            {
                writes.Run(Insert, (op.ServerName, Key: key), static (a, row) => a
                    .Text(row.ServerName).Text(row.Key.KeyId).Blob(row.Key.PublicKey).Int(row.Key.ValidUntil)
                    .IntOrNull(row.Key.ExpiredAt).Int(row.Key.FetchedAt));
            }

            if (op.Responses is not { } responses) return;
            writes.Run(DeleteResponses, op.ServerName, static (a, name) => a.Text(name));
            foreach (var (place, response) in responses.Index())
            {
                writes.Run(InsertResponse, (op.ServerName, Place: place, Response: response), static (a, row) => a
                    .Text(row.ServerName).Int(row.Place).Blob(row.Response.Json).Int(row.Response.FetchedAt));
            }
        });
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
