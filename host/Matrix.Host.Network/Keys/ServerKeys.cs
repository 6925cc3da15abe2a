using System.Net;
using Matrix.Core.Federation;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Caching;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ServerKeys;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// Finds keys in memory, then in the database, then at the server. Keys become durable when an event needs them. Keys
/// of servers that only send requests stay in memory; otherwise anyone could fill the database.
/// </summary>
internal sealed class ServerKeys(
    IStorage storage, KeyFetcher fetcher, OwnKeys own, ServerFilter servers, NetworkOptions options, TimeProvider time)
    : IServerKeys
{
    private readonly ByteCache<string, KnownKeys> _known = new(options.KeyCacheBytes, static keys => keys.Size);

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

    // Its own keys are those that the sender's requests need too.
    public ValueTask<IReadOnlyDictionary<string, ServerKey>> FindAsync(
        string server,
        IReadOnlyCollection<string> keyIds,
        long validAt,
        KeyUse use,
        string sentBy,
        CancellationToken stop) =>
        FindForAsync(
            server, keyIds, validAt, use, server == sentBy ? default : new KeyFetchCause(null, sentBy), stop);

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
        if (wanted.Count == 0 || !Core.Ident.ServerName.isValid(server)) return KnownKeys.None.ById;

        var known = await KnownAsync(server, stop).ConfigureAwait(false);
        var found = known.Valid(wanted, validAt, use);
        if (found.Count < wanted.Count && MayHelp(known, wanted, found, validAt, use) && servers.Allows(server))
        {
            await fetcher.FetchAsync(server, cause, response => TakeAsync(server, response), stop)
                .ConfigureAwait(false);
            // Read again in any case: another fetch may have ended in the meantime.
            known = await KnownAsync(server, stop).ConfigureAwait(false);
            found = known.Valid(wanted, validAt, use);
        }

        if (use != KeyUse.Request && found.Count > 0 && !known.IsStored) Store(server, known);
        return found;
    }

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>
    /// Whether a fetch can make one of the missing keys valid. No key is valid for longer than seven days, and a key
    /// that has ended does not become valid again.
    /// </summary>
    private bool MayHelp(
        KnownKeys known,
        IReadOnlyCollection<string> wanted,
        Dictionary<string, ServerKey> found,
        long validAt,
        KeyUse use) =>
        (use == KeyUse.EventWithoutValidity || validAt <= Now + KeyResponse.LongestValidity)
        && wanted.Any(id =>
            !found.ContainsKey(id) && !(known.ById.TryGetValue(id, out var key) && key.ExpiredAt is not null));

    private static IReadOnlyCollection<string> Usable(IReadOnlyCollection<string> keyIds) =>
        keyIds.All(Core.Ident.KeyId.isServerKey)
            ? keyIds
            : [.. keyIds.Where(Core.Ident.KeyId.isServerKey)];

    private async ValueTask<KnownKeys> KnownAsync(string server, CancellationToken stop)
    {
        if (_known.TryGet(server, out var known)) return known;
        var rows = await storage.ServerKeys.OfServerAsync(server, stop).ConfigureAwait(false);
        // The absence of keys is not cached: anyone can name a server.
        return rows.Count > 0 ? _known.PutIfAbsent(server, KnownKeys.Of(server, rows)) : KnownKeys.None;
    }

    private async ValueTask TakeAsync(string server, KeyResponse response)
    {
        var before = await KnownAsync(server, CancellationToken.None).ConfigureAwait(false);
        var after = before.After(response, Now, options.MaxKeysPerServer);
        _known.Put(server, after);
        // The stored keys must not be older than the fetched ones.
        if (before.IsStored && before.ById.Count > 0) Store(server, after);
    }

    /// <summary>Writes the keys without waiting. If it fails, the next use of one tries again.</summary>
    private void Store(string server, KnownKeys known)
    {
        var batch = new WriteBatch(1)
        {
            OnFailed = (_, _) => _known.Put(server, known with { IsStored = false }),
        }.Add(new ServerKeysFetched(server, known.Rows));
        _known.Put(server, known with { IsStored = true });
        try
        {
            storage.Writer.Post(batch);
        }
        catch (StorageException)
        {
            // Too much waits.
            _known.Put(server, known with { IsStored = false });
        }
    }
}
