using Matrix.Host.Crypto;
using Matrix.Host.Storage.Tables.ServerKeys;
using Matrix.Import.Runs;
using Matrix.Import.Sources;

namespace Matrix.Import.Federation;

/// <summary>
/// Other servers' signing keys, and the responses that they came in, which are passed on to servers that ask. What the
/// newest response says of a key counts.
/// </summary>
internal sealed class ServerKeysPart() : TablePart(
    "server-keys", "keys of other servers", "servers with keys", "server_signature_keys", "server_keys_json")
{
    private const string Keys = "keys of servers";
    private const int MostKeys = 50;
    private const int MostResponses = 9;

    protected override IReadOnlyList<object> Begin { get; } = [""];

    protected override string Sql(SynapseSource source) => """
        SELECT server_name FROM (
            SELECT server_name FROM server_signature_keys UNION SELECT server_name FROM server_keys_json) AS servers
        WHERE server_name > $1 ORDER BY server_name
        """;

    protected override async ValueTask TakeAsync(
        ImportContext context, ISourceRow row, PartProgress progress, CancellationToken stop)
    {
        var server = row.Text(0);
        if (server == context.ServerName) return;
        var keys = new Dictionary<string, ServerKeyRow>(StringComparer.Ordinal);
        var responses = await ResponsesAsync(context.Source, server, keys, progress, stop);
        await AddOthersAsync(context.Source, server, keys, progress, stop);
        progress.Read(Keys, keys.Count);
        if (keys.Count == 0)
        {
            progress.LeaveOut(Kind, server, "None of its keys can be read.");
            return;
        }

        var newest = keys.Values.OrderByDescending(static key => key.ExpiredAt is null)
            .ThenByDescending(static key => key.FetchedAt).ThenBy(static key => key.KeyId).Take(MostKeys).ToArray();
        progress.Add(new ServerKeysFetched(server, newest, responses));
        progress.Written(Kind);
        progress.Written(Keys, newest.Length);
    }

    /// <summary>The latest response, and earlier ones with other keys; those of the server itself first.</summary>
    private static async ValueTask<IReadOnlyList<ServerKeyResponse>> ResponsesAsync(
        SynapseSource source,
        string server,
        Dictionary<string, ServerKeyRow> keys,
        PartProgress progress,
        CancellationToken stop)
    {
        var kept = new List<(ServerKeyResponse Response, string[] KeyIds)>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var row in source.RowsAsync(
            """
            SELECT key_id, from_server, ts_added_ms, key_json FROM server_keys_json WHERE server_name = $1
            ORDER BY ts_added_ms DESC, from_server, key_id
            """,
            stop,
            server))
        {
            var (json, fetchedAt) = (row.Bytes(3), row.Int64(2));
            if (!seen.Add(Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(json)))) continue;
            if (KnownResponse.Read(server, json, fetchedAt) is not { } response)
            {
                progress.LeaveOut(Keys, $"{server} {row.Text(0)}", "The response with it cannot be read.");
                continue;
            }

            foreach (var key in response.Keys) keys.TryAdd(key.KeyId, key);
            var isOwn = row.Text(1) == server;
            kept.Add((
                new ServerKeyResponse(json, isOwn ? fetchedAt : 0),
                [.. response.Keys.Select(static key => key.KeyId)]));
        }

        var known = new HashSet<string>(StringComparer.Ordinal);
        var responses = new List<ServerKeyResponse>();
        foreach (var (response, keyIds) in kept.OrderByDescending(static each => each.Response.FetchedAt > 0))
        {
            var before = known.Count;
            known.UnionWith(keyIds);
            var isNew = known.Count > before || responses.Count == 0;
            if (isNew && responses.Count < MostResponses) responses.Add(response);
        }

        return responses;
    }

    /// <summary>Adds the keys that no response has.</summary>
    private static async ValueTask AddOthersAsync(
        SynapseSource source,
        string server,
        Dictionary<string, ServerKeyRow> keys,
        PartProgress progress,
        CancellationToken stop)
    {
        await foreach (var row in source.RowsAsync(
            """
            SELECT key_id, verify_key, ts_added_ms, ts_valid_until_ms FROM server_signature_keys WHERE server_name = $1
            ORDER BY key_id
            """,
            stop,
            server))
        {
            var (id, publicKey, fetchedAt) = (row.Text(0), row.Bytes(1), row.Int64(2));
            if (publicKey.Length == Ed25519.PublicKeySize)
            {
                keys.TryAdd(id, new ServerKeyRow(
                    id, publicKey, KnownResponse.ValidUntil(row.Int64(3), fetchedAt), null, fetchedAt));
            }
            else if (!keys.ContainsKey(id))
            {
                progress.LeaveOut(Keys, $"{server} {id}", "It is no Ed25519 key.");
            }
        }
    }
}
