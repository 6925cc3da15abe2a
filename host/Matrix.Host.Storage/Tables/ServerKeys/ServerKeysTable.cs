using Matrix.Host.Storage.Statements;

namespace Matrix.Host.Storage.Tables.ServerKeys;

internal sealed class ServerKeysTable(IReads reads) : IServerKeysTable
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

    public ValueTask<IReadOnlyList<ServerKeyRow>> OfServerAsync(string serverName, CancellationToken stop) =>
        reads.ListAsync(
            OfServer,
            serverName,
            static (a, name) => a.Text(name),
            static row =>
                new ServerKeyRow(row.Text(0), row.Blob(1), row.Int64(2), row.Int64OrNull(3), row.Int64(4)),
            stop);

    public ValueTask<IReadOnlyList<ServerKeyResponse>> ResponsesAsync(string serverName, CancellationToken stop) =>
        reads.ListAsync(
            Responses,
            serverName,
            static (a, name) => a.Text(name),
            static row => new ServerKeyResponse(row.Blob(0), row.Int64(1)),
            stop);

    public static void Register(WriteHandlers handlers) => handlers
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
