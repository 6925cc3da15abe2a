using Matrix.Core.Event;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.FederationClient.Operations;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// Asks notaries for keys of servers. What is wanted at about the same time goes into one query. A key is asked for
/// once at a time, and again after a pause, which doubles if no notary has it.
/// v1.19 server-server-api#querying-keys-through-another-server
/// </summary>
internal sealed class NotaryQueries(
    FederationOperations api, KeyResponseChecks checks, NetworkOptions options, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Server, string KeyId), WantedKeys> _wanted = [];
    private readonly FetchPauses _ofKeys = new(options, time);
    private readonly FetchPauses _ofNotaries = new(options, time);
    private readonly FetchBudgets _budgets = new(options, time);
    private readonly SemaphoreSlim _slots = new(options.MaxNotaryQueries, options.MaxNotaryQueries);
    private readonly CancellationTokenSource _closing = new();
    private List<WantedKeys>? _gathering;

    /// <summary>The most responses about one server that are read from a notary.</summary>
    private int MostResponses => 1 + options.MaxEarlierKeyResponses;

    /// <summary>The number of keys that are asked for.</summary>
    internal int Waiting
    {
        get
        {
            lock (_gate) return _wanted.Count;
        }
    }

    /// <summary>
    /// Asks the notaries for keys of a server, one after the other, until all are found. Returns when that is over.
    /// Keys that may not be asked for now are left out.
    /// </summary>
    internal async ValueTask AskAsync(
        string server,
        IReadOnlyCollection<string> keyIds,
        KeyFetchCause cause,
        IFetchedKeys known,
        CancellationToken stop)
    {
        var waits = new List<Task>();
        lock (_gate)
        {
            var fresh = new List<string>();
            foreach (var keyId in keyIds.Distinct().Take(options.MaxKeysPerServer))
            {
                if (_wanted.TryGetValue((server, keyId), out var running)) waits.Add(running.Done.Task);
                else if (_ofKeys.IsOver(NameOf(server, keyId))) fresh.Add(keyId);
            }

            if (fresh.Count > 0 && _wanted.Count < options.MaxKeyFetchesWaiting && _budgets.Take(cause, server))
            {
                waits.Add(Want(server, fresh, known).Done.Task);
            }
        }

        if (waits.Count == 0) checks.Count("not_now");
        // A caller that goes away does not stop the query: others may wait for it.
        await Task.WhenAll(waits).WaitAsync(stop);
    }

    public void Dispose() => _closing.Cancel();

    private static string NameOf(string server, string keyId) => $"{server} {keyId}";

    private WantedKeys Want(string server, List<string> keyIds, IFetchedKeys known)
    {
        var wanted = new WantedKeys(server, [.. keyIds]);
        foreach (var keyId in keyIds) _wanted.Add((server, keyId), wanted);
        if (_gathering is null)
        {
            _gathering = [];
            _ = RunAsync(_gathering, known);
        }

        _gathering.Add(wanted);
        if (_gathering.Count >= options.MaxNotaryQueryServers) _gathering = null;
        return wanted;
    }

    private async Task RunAsync(List<WantedKeys> batch, IFetchedKeys known)
    {
        try
        {
            await Task.Delay(options.NotaryGatherTime, time, _closing.Token)
                .ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            lock (_gate)
            {
                if (_gathering == batch) _gathering = null;
            }

            foreach (var notary in options.Notaries.Where(name => name != options.ServerName))
            {
                List<WantedKeys> left = [.. batch.Where(each => each.Server != notary && !each.Done.Task.IsCompleted)];
                if (left.Count > 0 && _ofNotaries.IsOver(notary))
                {
                    await QueryAsync(notary, left, known);
                }
            }

            End(batch, fault: null);
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            // Nobody needs it any more.
            End(batch, fault: null);
        }
#pragma warning disable CA1031 // Those who wait get it.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            End(batch, fault);
        }
    }

    private async Task QueryAsync(string notary, IReadOnlyList<WantedKeys> wanted, IFetchedKeys known)
    {
        if (await TryQueryAsync(notary, wanted, known) is not { } failure) return;

        // One slow server is no fault of the notary: it answers for the others, and for itself.
        if (!MayBeOfOneServer(failure)
            || !(await api.GetServerKeysAsync(notary, _closing.Token)).IsOk)
        {
            _ofNotaries.Failed(notary);
        }
        else if (wanted.Count > 1)
        {
            await Task.WhenAll(wanted.Select(each => TryQueryAsync(notary, [each], known)));
        }
    }

    private async Task<FederationFailure?> TryQueryAsync(
        string notary, IReadOnlyList<WantedKeys> wanted, IFetchedKeys known)
    {
        var sent = await SendAsync(notary, wanted);
        if (sent.Failure is { } failure)
        {
            checks.Count("failed");
            return failure;
        }

        _ofNotaries.Forget(notary);
        var byServer = wanted.ToLookup(static each => each.Server);
        foreach (var responses in sent.Value.GroupBy(static json => json.Text("server_name") ?? ""))
        {
            if (!byServer.Contains(responses.Key)) continue;
            foreach (var json in responses.Take(MostResponses))
            {
                if (!await IsSignedByAsync(notary, json, known))
                {
                    checks.Refuse(responses.Key, $"{notary} did not sign them", "wrong_notary_signature");
                }
                else if (checks.Verified(responses.Key, json, notary) is { } fetched)
                {
                    await known.TakeAsync(fetched);
                    checks.Count("notary");
                    Found(byServer[responses.Key], fetched);
                }
            }
        }

        return null;
    }

    private async ValueTask<FederationResult<IReadOnlyList<JsonObject>>> SendAsync(
        string notary, IReadOnlyList<WantedKeys> wanted)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        List<KeyQuery> queries;
        lock (_gate)
        {
            queries = [.. wanted.SelectMany(each => each.Missing.Select(id => new KeyQuery(each.Server, id, now)))];
        }

        var most = (long)MostResponses * options.MaxKeyResponseBytes * wanted.Count;
        await _slots.WaitAsync(_closing.Token);
        try
        {
            return await api.QueryServerKeysAsync(
                notary, queries, (int)Math.Min(most, options.MaxPageBytes), _closing.Token);
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <summary>Whether a failure can come from one of the servers in the query, of which others are free.</summary>
    private static bool MayBeOfOneServer(FederationFailure failure) =>
        failure.Kind is FederationFailureKind.TimedOut or FederationFailureKind.TooLarge
        || failure is { Kind: FederationFailureKind.Refused, Status: >= 500 };

    private static async ValueTask<bool> IsSignedByAsync(string notary, JsonObject response, IFetchedKeys known)
    {
        Signature[] made = [.. SignedJson.Signatures(response).Where(each => each.Entity == notary)];
        if (made.Length == 0) return false;
        var keys = await known.OfNotaryAsync(notary, [.. made.Select(each => each.KeyId)]);
        var bytes = KeyResponse.BytesToSign(response);
        return made.Any(each =>
            keys.TryGetValue(each.KeyId, out var key) && Ed25519.Verify(key.PublicKey.Span, bytes, each.Bytes));
    }

    private void Found(IEnumerable<WantedKeys> wanted, FetchedKeys fetched)
    {
        lock (_gate)
        {
            foreach (var each in wanted)
            {
                foreach (var key in fetched.Keys.VerifyKeys.Concat(fetched.Keys.OldVerifyKeys))
                {
                    if (!each.Missing.Remove(key.KeyId)) continue;
                    _wanted.Remove((each.Server, key.KeyId));
                    _ofKeys.Succeeded(NameOf(each.Server, key.KeyId));
                }

                if (each.Missing.Count == 0) each.Done.TrySetResult();
            }
        }
    }

    private void End(List<WantedKeys> batch, Exception? fault)
    {
        lock (_gate)
        {
            // It still gathers if the server stops.
            if (_gathering == batch) _gathering = null;
            foreach (var each in batch)
            {
                foreach (var keyId in each.Missing)
                {
                    _wanted.Remove((each.Server, keyId));
                    if (fault is null) _ofKeys.Failed(NameOf(each.Server, keyId));
                }

                if (fault is null) each.Done.TrySetResult();
                else each.Done.TrySetException(fault);
            }
        }
    }

    /// <summary>Keys of a server that are asked for.</summary>
    private sealed class WantedKeys(string server, HashSet<string> missing)
    {
        internal string Server { get; } = server;

        /// <summary>Those that were not found yet.</summary>
        internal HashSet<string> Missing { get; } = missing;

        internal TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
