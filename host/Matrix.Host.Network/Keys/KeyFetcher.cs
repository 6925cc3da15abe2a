using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;
using Matrix.Host.Sodium;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// Fetches the keys of servers from the servers themselves: one fetch of a server at a time, a bounded number at once,
/// and none within a pause after the one before.
/// </summary>
internal sealed partial class KeyFetcher(
    FederationApi api, NetworkOptions options, TimeProvider time, ILogger<KeyFetcher> log) : IDisposable
{
    private readonly ConcurrentDictionary<string, Lazy<Task>> _running = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _slots = new(options.MaxKeyFetches, options.MaxKeyFetches);
    private readonly FetchLimits _limits = new(options, time);
    private readonly LogLimiter _lines = new(options.ErrorLogInterval, options.MaxErrorLogServers, time);
    private readonly CancellationTokenSource _closing = new();
    private readonly Meter _meter = new("Matrix.Network");
    private Counter<long>? _fetches;

    private Counter<long> Fetches => _fetches ??= _meter.CreateCounter<long>(
        "matrix_federation_key_fetches", null, "Fetches of other servers' keys, by outcome.");

    /// <summary>
    /// Fetches a server's keys, unless it may not be asked now. `taken` gets the response, its signatures verified.
    /// </summary>
    internal async ValueTask FetchAsync(
        string server, KeyFetchCause cause, Func<KeyResponse, ValueTask> taken, CancellationToken stop)
    {
        if (_running.TryGetValue(server, out var running))
        {
            await running.Value.WaitAsync(stop).ConfigureAwait(false);
            return;
        }

        if (_running.Count >= options.MaxKeyFetchesWaiting || !_limits.Allow(server, cause))
        {
            Count("not_now");
            return;
        }

        running = _running.GetOrAdd(server, new Lazy<Task>(() => RunAsync(server, taken)));
        // A caller that goes away does not stop the fetch: others may wait for it.
        await running.Value.WaitAsync(stop).ConfigureAwait(false);
    }

    public void Dispose()
    {
        _closing.Cancel();
        _meter.Dispose();
    }

    private async Task RunAsync(string server, Func<KeyResponse, ValueTask> taken)
    {
        // Not on the caller's stack: the caller must have put the task into its place.
        await Task.Yield();
        try
        {
            await _slots.WaitAsync(_closing.Token).ConfigureAwait(false);
            try
            {
                var sent = await api.GetServerKeysAsync(server, _closing.Token).ConfigureAwait(false);
                if (Verified(server, sent) is not { } response)
                {
                    _limits.Failed(server);
                    return;
                }

                _limits.Succeeded(server);
                await taken(response).ConfigureAwait(false);
                Count("ok");
            }
            finally
            {
                _slots.Release();
            }
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // Nobody needs it any more.
        }
        finally
        {
            _running.TryRemove(server, out _);
        }
    }

    private KeyResponse? Verified(string server, FederationResult<JsonObject> sent)
    {
        if (sent.Failure is { } failure)
        {
            // The client logs all other failures.
            if (failure is { Kind: FederationFailureKind.Refused, Status: < 500 }) Refuse(server, failure.ToString());
            Count("failed");
            return null;
        }

        if (!KeyResponse.TryRead(sent.Value, server, options.MaxKeysPerServer, out var response, out var fault))
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

        return response;
    }

    private void Count(string outcome) => Fetches.Add(1, new TagList { { "outcome", outcome } });

    private void Refuse(string server, string why)
    {
        if (_lines.Allows(server, out _)) LogRefused(server, why);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The keys of {Server} do not count: {Why}")]
    private partial void LogRefused(string server, string why);
}
