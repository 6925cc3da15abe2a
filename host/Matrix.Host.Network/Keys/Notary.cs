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
/// Passes on the keys of servers, with this server's signature beside theirs. Server-Server API, "Querying Keys Through
/// Another Server".
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
    /// The latest responses of these servers, as canonical JSON. Those of which nothing is known, and that do not
    /// answer in time, are left out.
    /// </summary>
    /// <param name="address">The address that asks.</param>
    public async ValueTask<IReadOnlyList<ReadOnlyMemory<byte>>> QueryAsync(
        IReadOnlyCollection<NotaryQuery> queries, IPAddress address, CancellationToken stop)
    {
        using var patience = new CancellationTokenSource(_options.NotaryTime, _time);
        var found = await Task.WhenAll(queries.Take(_options.MaxNotaryServers)
            .Select(query => FindAsync(query, address, patience.Token, stop).AsTask())).ConfigureAwait(false);
        var responses = new List<ReadOnlyMemory<byte>>(found.Length);
        var bytes = 0;
        foreach (var response in found.OfType<ReadOnlyMemory<byte>>())
        {
            bytes += response.Length;
            if (bytes > _options.MaxNotaryResponseBytes) break;
            responses.Add(response);
        }

        return responses;
    }

    /// <inheritdoc/>
    public void Dispose() => _closing.Cancel();

    private async ValueTask<ReadOnlyMemory<byte>?> FindAsync(
        NotaryQuery query, IPAddress address, CancellationToken patience, CancellationToken stop)
    {
        if (query.Server == _options.ServerName) return _own.Response;
        if (!Core.Ident.ServerName.isValid(query.Server)) return null;
        var known = await _keys.ResponseAsync(query.Server, stop).ConfigureAwait(false);
        if (known is null || !await SufficesAsync(known, query, stop).ConfigureAwait(false))
        {
            await FetchAsync(query.Server, address, patience, stop).ConfigureAwait(false);
            known = await _keys.ResponseAsync(query.Server, stop).ConfigureAwait(false);
        }

        return known is not null && JsonText.TryParseStored(known.Json.Span, out var json)
            ? JsonText.Write(_own.Sign(json))
            : default(ReadOnlyMemory<byte>?);
    }

    /// <summary>
    /// Whether a response is passed on as it is: for half of its lifetime, and if it has what is wanted.
    /// </summary>
    private async ValueTask<bool> SufficesAsync(ServerKeyResponse known, NotaryQuery query, CancellationToken stop)
    {
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        if (!JsonText.TryParseStored(known.Json.Span, out var json)
            || json.Number("valid_until_ts") is not { } validUntil
            || validUntil < (query.MinimumValidUntil ?? now)
            || now - known.FetchedAt > validUntil - now)
        {
            return false;
        }

        var keys = await _keys.KnownAsync(query.Server, stop).ConfigureAwait(false);
        return query.KeyIds.All(keys.ById.ContainsKey);
    }

    private async ValueTask FetchAsync(
        string server, IPAddress address, CancellationToken patience, CancellationToken stop)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience, stop);
        try
        {
            await _slots.WaitAsync(either.Token).ConfigureAwait(false);
            await FetchInPlaceAsync(server, address).WaitAsync(either.Token).ConfigureAwait(false);
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
            await _keys.FetchAsync(server, new KeyFetchCause(address, null) { IsQuery = true }, _closing.Token)
                .ConfigureAwait(false);
        }
        finally
        {
            _slots.Release();
        }
    }
}
