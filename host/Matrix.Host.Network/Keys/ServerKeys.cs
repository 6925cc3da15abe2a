using System.Net;
using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ServerKeys;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// Finds keys in memory, then in the database, then at the server, then at notaries. Keys become durable when an event
/// needs them. Keys of servers that only send requests stay in memory; otherwise anyone could fill the database.
/// </summary>
internal sealed class ServerKeys(
    ServerKeysTable serverKeysTable,
    IStorageWriter writer,
    KeyFetcher fetcher,
    OwnKeys own,
    ServerFilter servers,
    NetworkOptions options,
    TimeProvider time)
    : IServerKeys, IFetchedKeys, IDisposable
{
    private readonly ByteCache<string, KnownKeys> _known = new(options.KeyCacheBytes, static keys => keys.Size);
    private readonly SemaphoreSlim _taking = new(1, 1);
    private readonly ByteCache<string, IReadOnlyList<ServerKeyResponse>> _responses = new(
        options.KeyResponseCacheBytes, static kept => kept.Sum(static response => response.Json.Length));

    public ValueTask<IReadOnlyDictionary<string, ServerKey>> FindAsync(
        string server, IReadOnlyCollection<string> keyIds, long validAt, KeyUse use, CancellationToken stop) =>
        FindForAsync(server, keyIds, validAt, use, default, stop);

    public ValueTask<IReadOnlyDictionary<string, ServerKey>> FindAsync(
        string server,
        IReadOnlyCollection<string> keyIds,
        long validAt,
        KeyUse use,
        IPAddress askedBy,
        CancellationToken stop) =>
        FindForAsync(server, keyIds, validAt, use, new KeyFetchCause(askedBy, null), stop);

    // Fetches of the sender's own keys are not counted against it: its requests need these keys anyway.
    public ValueTask<IReadOnlyDictionary<string, ServerKey>> FindAsync(
        string server,
        IReadOnlyCollection<string> keyIds,
        long validAt,
        KeyUse use,
        string sentBy,
        CancellationToken stop) =>
        FindForAsync(
            server, keyIds, validAt, use, server == sentBy ? default : new KeyFetchCause(null, sentBy), stop);

    /// <summary>What is known of a server's keys.</summary>
    internal async ValueTask<KnownKeys> KnownAsync(string server, CancellationToken stop)
    {
        if (_known.TryGet(server, out var known)) return known;
        var rows = await serverKeysTable.OfServerAsync(server, stop);
        // The absence of keys is not cached: anyone can name a server.
        if (rows.Count > 0) return _known.PutIfAbsent(server, KnownKeys.Of(server, rows));
        return _known.TryGet(server, out known) ? known : KnownKeys.None;
    }

    /// <summary>The latest response with a server's keys, then earlier ones that have other keys.</summary>
    internal async ValueTask<IReadOnlyList<ServerKeyResponse>> ResponsesAsync(string server, CancellationToken stop)
    {
        if (_responses.TryGet(server, out var responses)) return responses;
        var stored = await serverKeysTable.ResponsesAsync(server, stop);
        return stored.Count == 0 ? stored : _responses.PutIfAbsent(server, stored);
    }

    /// <summary>Fetches a server's keys from the server, unless it may not be asked now.</summary>
    internal async ValueTask FetchAsync(string server, KeyFetchCause cause, CancellationToken stop)
    {
        if (!servers.Allows(server)) return;
        await fetcher.FetchAsync(server, cause, this, stop);
    }

    private async ValueTask<IReadOnlyDictionary<string, ServerKey>> FindForAsync(
        string server,
        IReadOnlyCollection<string> keyIds,
        long validAt,
        KeyUse use,
        KeyFetchCause cause,
        CancellationToken stop)
    {
        if (server == options.ServerName) return own.Known(Now).Valid(keyIds, validAt, use);

        var wanted = Usable(keyIds);
        if (wanted.Count == 0 || !Core.Ident.ServerName.IsValid(server)) return KnownKeys.None.ById;

        var started = Now;
        var known = await KnownAsync(server, stop);
        var missing = MissingOf(known);
        if (missing.Count > 0 && servers.Allows(server))
        {
            cause = cause with
            {
                IsOfKnownServer = known.IsStored && known.ById.Count > 0,
                IsRefresh = missing.All(known.ById.ContainsKey),
            };
            await FetchAsync(server, cause, stop);
            // Read again in any case: another fetch may have ended in the meantime.
            known = await KnownAsync(server, stop);
            missing = MissingOf(known);

            // Requests are signed by keys in use. Of these nobody knows more than the server, if it has answered.
            var hasAnswered = known.FetchedAt >= started - options.KeyFetchPause.TotalMilliseconds;
            if (missing.Count > 0 && options.Notaries.Count > 0 && !(use == KeyUse.Request && hasAnswered))
            {
                await fetcher.NotariesFor(cause).AskAsync(server, missing, cause, this, stop);
                known = await KnownAsync(server, stop);
            }
        }

        var found = known.Valid(wanted, validAt, use);
        if (use != KeyUse.Request && found.Count > 0 && !known.IsStored) Store(server, known);
        return found;

        // The wanted keys that a fetch could make valid. No key is valid for longer than seven days, and a key that has
        // ended does not become valid again.
        IReadOnlyCollection<string> MissingOf(KnownKeys keys)
        {
            if (use != KeyUse.EventWithoutValidity && validAt > Now + KeyResponse.LongestValidity) return [];
            var valid = keys.Valid(wanted, validAt, use);
            return [.. wanted.Where(id =>
                !valid.ContainsKey(id) && !(keys.ById.TryGetValue(id, out var key) && key.ExpiredAt is not null))];
        }
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyDictionary<string, ServerKey>> OfNotaryAsync(
        string notary, IReadOnlyCollection<string> keyIds)
    {
        var known = await KnownAsync(notary, CancellationToken.None);
        var found = known.Valid(Usable(keyIds), Now, KeyUse.Request);
        if (found.Count > 0) return found;
        await FetchAsync(notary, default, CancellationToken.None);
        known = await KnownAsync(notary, CancellationToken.None);
        return known.Valid(Usable(keyIds), Now, KeyUse.Request);
    }

    /// <inheritdoc/>
    public async ValueTask TakeAsync(FetchedKeys fetched)
    {
        // The server and a notary may answer at once.
        await _taking.WaitAsync(CancellationToken.None);
        try
        {
            await TakeInTurnAsync(fetched);
        }
        finally
        {
            _taking.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _taking.Dispose();

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    private static IReadOnlyCollection<string> Usable(IReadOnlyCollection<string> keyIds) =>
        keyIds.All(Core.Ident.KeyId.IsServerKey)
            ? keyIds
            : [.. keyIds.Where(Core.Ident.KeyId.IsServerKey)];

    private async ValueTask TakeInTurnAsync(FetchedKeys fetched)
    {
        var server = fetched.Keys.ServerName;
        var before = await KnownAsync(server, CancellationToken.None);
        var isOwn = fetched.Notary is null;
        var after = isOwn
            ? before.After(fetched.Keys, Now, options.MaxKeysPerServer)
            : before.AfterNotary(fetched.Keys, Now, options.MaxKeysPerServer);
        _known.Put(server, after);

        var response = new ServerKeyResponse(JsonText.Write(fetched.Json), isOwn ? Now : 0);
        var kept = await ResponsesAsync(server, CancellationToken.None);
        _responses.Put(server, KeptResponses.After(kept, response, isOwn, server, options));

        // The stored keys must not be older than the fetched ones.
        if (before.IsStored && before.ById.Count > 0) Store(server, after);
    }

    /// <summary>Writes the keys without waiting. If it fails, the next use of one tries again.</summary>
    private void Store(string server, KnownKeys known)
    {
        var responses = _responses.TryGet(server, out var cached) ? cached : null;
        var batch = new WriteBatch(Authority.Server(server), 1)
        {
            OnFailed = (_, _) => _known.Put(server, known with { IsStored = false }),
        }.Add(new ServerKeysFetched(server, known.Rows, responses));
        _known.Put(server, known with { IsStored = true });
        try
        {
            writer.Post(batch);
        }
        catch (StorageException)
        {
            // Too much waits.
            _known.Put(server, known with { IsStored = false });
        }
    }
}
