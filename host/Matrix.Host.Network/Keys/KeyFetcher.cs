using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// Fetches the keys of servers from the servers themselves, or from notaries.
/// v1.19 server-server-api#retrieving-server-keys
/// </summary>
internal sealed class KeyFetcher : IDisposable
{
    private readonly FederationOperations _api;
    private readonly KeyResponseChecks _checks;
    private readonly KeyFetchQueue _queue;
    private readonly NotaryQueries _notariesForRequests;

    internal KeyFetcher(FederationOperations api, NetworkOptions options, TimeProvider time, ILogger<KeyFetcher> log)
    {
        _api = api;
        _checks = new KeyResponseChecks(options, time, log);
        _queue = new KeyFetchQueue(options, time);
        Notaries = new NotaryQueries(api, _checks, options, time);
        _notariesForRequests = new NotaryQueries(api, _checks, options, time);
    }

    /// <summary>The queries to notaries that events and this server itself need.</summary>
    internal NotaryQueries Notaries { get; }

    /// <summary>
    /// The queries to notaries for a cause. Those of requests that are not authenticated do not delay others.
    /// </summary>
    internal NotaryQueries NotariesFor(KeyFetchCause cause) =>
        cause.Share == KeyFetchShare.Needed ? Notaries : _notariesForRequests;

    /// <summary>Fetches a server's keys, unless it may not be asked now.</summary>
    internal async ValueTask FetchAsync(
        string server, KeyFetchCause cause, IFetchedKeys known, CancellationToken stop)
    {
        var isAllowed = await _queue.RunAsync(
            server,
            cause,
            async closing =>
            {
                var sent = await _api.GetServerKeysAsync(server, closing);
                if (Verified(server, sent) is not { } fetched) return false;
                await known.TakeAsync(fetched);
                _checks.Count("ok");
                return true;
            },
            stop);
        if (!isAllowed) _checks.Count("not_now");
    }

    public void Dispose()
    {
        _queue.Dispose();
        Notaries.Dispose();
        _notariesForRequests.Dispose();
        _checks.Dispose();
    }

    private FetchedKeys? Verified(string server, FederationResult<JsonObject> sent)
    {
        if (sent.Failure is not { } failure) return _checks.Verified(server, sent.Value, notary: null);

        // The client logs all other failures.
        if (failure is { Kind: FederationFailureKind.Refused, Status: < 500 })
        {
            _checks.Refuse(server, failure.ToString(), "failed");
        }
        else
        {
            _checks.Count("failed");
        }

        return null;
    }
}

/// <summary>The known keys, as fetches use them.</summary>
internal interface IFetchedKeys
{
    /// <summary>Takes the keys of a response.</summary>
    ValueTask TakeAsync(FetchedKeys fetched);

    /// <summary>The keys that a notary uses now, from itself only.</summary>
    ValueTask<IReadOnlyDictionary<string, ServerKey>> OfNotaryAsync(
        string notary, IReadOnlyCollection<string> keyIds);
}
