using System.Diagnostics;
using System.Diagnostics.Metrics;
using Matrix.Core.Event;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Sodium;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Network.Keys;

/// <summary>A response with a server's keys, its signatures verified.</summary>
/// <param name="Json">The response as the server signed it.</param>
/// <param name="Notary">The notary that returned it; null if the server did.</param>
internal sealed record FetchedKeys(KeyResponse Keys, JsonObject Json, string? Notary);

/// <summary>
/// Fetches the keys of servers from the servers themselves, or from notaries. Server-Server API, "Retrieving server
/// keys".
/// </summary>
internal sealed partial class KeyFetcher(
    FederationApi api, NetworkOptions options, TimeProvider time, ILogger<KeyFetcher> log) : IDisposable
{
    /// <summary>The most responses about one server that are read from a notary.</summary>
    private const int MostNotarized = 4;

    private readonly KeyFetchQueue _fromServers = new(options, time);
    private readonly KeyFetchQueue _fromNotaries = new(options, time);
    private readonly FetchLimits _notaryPauses = new(options, time);
    private readonly LogLimiter _lines = new(options.ErrorLogInterval, options.MaxErrorLogServers, time);
    private readonly Meter _meter = new("Matrix.Network");
    private Counter<long>? _fetches;

    private Counter<long> Fetches => _fetches ??= _meter.CreateCounter<long>(
        "matrix_federation_key_fetches", null, "Fetches of other servers' keys, by outcome.");

    /// <summary>Fetches a server's keys, unless it may not be asked now. `taken` gets the response.</summary>
    internal async ValueTask FetchAsync(
        string server, KeyFetchCause cause, Func<FetchedKeys, ValueTask> taken, CancellationToken stop)
    {
        var isAllowed = await _fromServers.RunAsync(
            server,
            cause,
            async closing =>
            {
                var sent = await api.GetServerKeysAsync(server, closing).ConfigureAwait(false);
                if (Verified(server, sent) is not { } fetched) return false;
                await taken(fetched).ConfigureAwait(false);
                Count("ok");
                return true;
            },
            stop).ConfigureAwait(false);
        if (!isAllowed) Count("not_now");
    }

    /// <summary>
    /// Asks the notaries for keys of a server, one after the other, until one has responses that count. `taken` gets
    /// these.
    /// </summary>
    /// <param name="keysOf">Finds the keys in use of a notary, without asking another.</param>
    internal async ValueTask AskNotariesAsync(
        string server,
        IReadOnlyCollection<string> keyIds,
        KeyFetchCause cause,
        Func<string, IReadOnlyCollection<string>, ValueTask<IReadOnlyDictionary<string, ServerKey>>> keysOf,
        Func<FetchedKeys, ValueTask> taken,
        CancellationToken stop)
    {
        var isAllowed = await _fromNotaries.RunAsync(
            server,
            cause,
            async closing =>
            {
                foreach (var notary in options.Notaries.Where(name => name != server && name != options.ServerName))
                {
                    var fetched = await AskAsync(notary, server, keyIds, keysOf, closing).ConfigureAwait(false);
                    foreach (var each in fetched) await taken(each).ConfigureAwait(false);
                    if (fetched.Count == 0) continue;
                    Count("notary");
                    return true;
                }

                return false;
            },
            stop).ConfigureAwait(false);
        if (!isAllowed) Count("not_now");
    }

    public void Dispose()
    {
        _fromServers.Dispose();
        _fromNotaries.Dispose();
        _meter.Dispose();
    }

    private async ValueTask<IReadOnlyList<FetchedKeys>> AskAsync(
        string notary,
        string server,
        IReadOnlyCollection<string> keyIds,
        Func<string, IReadOnlyCollection<string>, ValueTask<IReadOnlyDictionary<string, ServerKey>>> keysOf,
        CancellationToken stop)
    {
        if (!_notaryPauses.Allow(notary, default)) return [];
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var sent = await api.QueryServerKeysAsync(
            notary,
            [.. keyIds.Select(id => new KeyQuery(server, id, now))],
            MostNotarized * options.MaxKeyResponseBytes,
            stop).ConfigureAwait(false);
        if (!sent.IsOk)
        {
            _notaryPauses.Failed(notary);
            Count("failed");
            return [];
        }

        _notaryPauses.Forget(notary);
        var counted = new List<FetchedKeys>();
        foreach (var json in sent.Value.Where(each => each.Text("server_name") == server).Take(MostNotarized))
        {
            if (!await IsSignedByAsync(notary, json, keysOf).ConfigureAwait(false))
            {
                Refuse(server, $"{notary} did not sign them");
                Count("wrong_notary_signature");
            }
            else if (Verified(server, json, notary) is { } fetched)
            {
                counted.Add(fetched);
            }
        }

        return counted;
    }

    private static async ValueTask<bool> IsSignedByAsync(
        string notary,
        JsonObject response,
        Func<string, IReadOnlyCollection<string>, ValueTask<IReadOnlyDictionary<string, ServerKey>>> keysOf)
    {
        Signature[] made = [.. SignedJson.signatures(response).Where(each => each.Entity == notary)];
        if (made.Length == 0) return false;
        var keys = await keysOf(notary, [.. made.Select(each => each.KeyId)]).ConfigureAwait(false);
        var bytes = KeyResponse.BytesToSign(response);
        return made.Any(each =>
            keys.TryGetValue(each.KeyId, out var key) && Ed25519.Verify(key.PublicKey.Span, bytes, each.Bytes));
    }

    private FetchedKeys? Verified(string server, FederationResult<JsonObject> sent)
    {
        if (sent.Failure is not { } failure) return Verified(server, sent.Value, notary: null);

        // The client logs all other failures.
        if (failure is { Kind: FederationFailureKind.Refused, Status: < 500 }) Refuse(server, failure.ToString());
        Count("failed");
        return null;
    }

    private FetchedKeys? Verified(string server, JsonObject json, string? notary)
    {
        if (!KeyResponse.TryRead(json, server, options.MaxKeysPerServer, out var response, out var fault))
        {
            Refuse(server, fault.ToString());
            Count("malformed");
            return null;
        }

        foreach (var signature in response.Signatures)
        {
            if (Ed25519.Verify(signature.PublicKey, response.BytesToVerify, signature.Signature)) continue;
            Refuse(server, $"the signature by {signature.KeyId} is not valid");
            Count("wrong_signature");
            return null;
        }

        return new FetchedKeys(response, json, notary);
    }

    private void Count(string outcome) => Fetches.Add(1, new TagList { { "outcome", outcome } });

    private void Refuse(string server, string why)
    {
        if (_lines.Allows(server, out _)) LogRefused(server, why);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The keys of {Server} do not count: {Why}")]
    private partial void LogRefused(string server, string why);
}
