using System.Net;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Storage.Tables.ServerKeys;

namespace Matrix.Host.Network.Keys;

/// <summary>The keys that a query wants of one server.</summary>
/// <param name="KeyIds">Their ids; empty for all.</param>
/// <param name="MinimumValidUntil">Until when they should be valid, in milliseconds; null for now.</param>
public sealed record NotaryQuery(string Server, IReadOnlyCollection<string> KeyIds, long? MinimumValidUntil);

/// <summary>
/// Passes on the keys of servers, with this server's signature beside theirs.
/// v1.19 server-server-api#querying-keys-through-another-server
/// </summary>
/// <remarks>
/// Anyone may ask. Fetches that this causes have bounds of their own, so that they leave those of this server alone.
/// </remarks>
public sealed class Notary : IDisposable
{
    private readonly ServerKeys _keys;
    private readonly OwnKeys _own;
    private readonly NetworkOptions _options;
    private readonly TimeProvider _time;
    private readonly SemaphoreSlim _slots;
    private readonly CancellationTokenSource _closing = new();

    internal Notary(ServerKeys keys, OwnKeys own, NetworkOptions options, TimeProvider time)
    {
        _keys = keys;
        _own = own;
        _options = options;
        _time = time;
        _slots = new SemaphoreSlim(options.MaxNotaryFetches, options.MaxNotaryFetches);
    }

    /// <summary>
    /// The latest responses of these servers, then earlier ones with keys that the query wants, as canonical JSON.
    /// Servers of which nothing is known, and that do not answer in time, are left out.
    /// </summary>
    /// <param name="address">The address that asks.</param>
    public async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> QueryAsync(
        IReadOnlyCollection<NotaryQuery> queries, IPAddress address, CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(_options.NotaryTime, _time);
        var found = await Task.WhenAll(queries.Take(_options.MaxNotaryServers)
            .Select(query => FindAsync(query, address, patience.Token, stop).AsTask()));
        var responses = new List<ReadOnlyMemory<byte>>(found.Length);
        var bytes = 0;
        // All servers' latest ones come before any earlier one.
        foreach (var response in found.SelectMany(static kept => kept.Index())
            .OrderBy(static each => each.Index).Select(static each => each.Item))
        {
            if (Signed(response) is not { } signed) continue;
            bytes += signed.Length;
            if (bytes > _options.MaxNotaryResponseBytes) break;
            responses.Add(signed);
        }

        return responses;
    }

    /// <inheritdoc/>
    public void Dispose() => _closing.Cancel();

    private ReadOnlyMemory<byte>? Signed(ServerKeyResponse response) =>
        JsonText.TryParseStored(response.Json.Span, out var json) ? JsonText.Write(_own.Sign(json)) : null;

    private async ValueTask<IReadOnlyList<ServerKeyResponse>> FindAsync(
        NotaryQuery query, IPAddress address, CancellationToken patience, CancellationToken stop)
    {
        if (query.Server == _options.ServerName) return [new ServerKeyResponse(_own.Response, 0)];
        if (!Core.Ident.ServerName.IsValid(query.Server)) return [];
        var kept = await _keys.ResponsesAsync(query.Server, stop);
        if (!Suffice(kept, query))
        {
            await FetchAsync(query.Server, address, patience, stop);
            kept = await _keys.ResponsesAsync(query.Server, stop);
        }

        return KeptResponses.With(kept, query.KeyIds, query.Server, _options);
    }

    /// <summary>
    /// Whether responses are passed on without a fetch: for half of the latest one's lifetime, if they have what is
    /// wanted.
    /// </summary>
    private bool Suffice(IReadOnlyList<ServerKeyResponse> kept, NotaryQuery query)
    {
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        return kept is [var latest, ..]
            && JsonText.TryParseStored(latest.Json.Span, out var json)
            && json.Number("valid_until_ts") is { } validUntil
            && validUntil >= (query.MinimumValidUntil ?? now)
            && now - latest.FetchedAt <= validUntil - now
            && KeptResponses.HaveAll(kept, query.KeyIds, query.Server, _options);
    }

    private async ValueTask FetchAsync(
        string server, IPAddress address, CancellationToken patience, CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience, stop);
        try
        {
            await _slots.WaitAsync(either.Token);
            await FetchInPlaceAsync(server, address).WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!stop.IsCancellationRequested)
        {
            // What is known is returned.
        }
    }

    /// <summary>A fetch goes on if its query is given up, and keeps its place until it ends.</summary>
    private async Task FetchInPlaceAsync(string server, IPAddress address)
    {
        try
        {
            await _keys.FetchAsync(server, new KeyFetchCause(address, null) { IsQuery = true }, _closing.Token);
        }
        finally
        {
            _slots.Release();
        }
    }
}
