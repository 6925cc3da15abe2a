using Matrix.Core.Federation;
using Matrix.Host.Storage.Tables.ServerKeys;

namespace Matrix.Host.Network.Keys;

/// <summary>All keys that are known of one server.</summary>
/// <param name="FetchedAt">
/// The latest response of the server itself, in milliseconds since the epoch; 0 if there was none.
/// </param>
/// <param name="IsStored">Whether the database has them.</param>
internal sealed record KnownKeys(IReadOnlyDictionary<string, ServerKey> ById, long FetchedAt, bool IsStored)
{
    /// <summary>Nothing is known.</summary>
    internal static KnownKeys None { get; } = new(new Dictionary<string, ServerKey>(), 0, IsStored: true);

    internal static KnownKeys Of(string server, IReadOnlyList<ServerKeyRow> rows) => new(
        rows.ToDictionary(
            row => row.KeyId,
            row => new ServerKey(server, row.KeyId, row.PublicKey, row.ValidUntil, row.ExpiredAt),
            StringComparer.Ordinal),
        rows.Count > 0 ? rows.Max(row => row.FetchedAt) : 0,
        IsStored: true);

    /// <summary>Estimated bytes in memory.</summary>
    internal long Size => 200 + (250L * ById.Count);

    internal IReadOnlyList<ServerKeyRow> Rows =>
        [.. ById.Values.Select(k => new ServerKeyRow(k.KeyId, k.PublicKey, k.ValidUntil, k.ExpiredAt, FetchedAt))];

    /// <summary>The keys of these ids that are valid.</summary>
    internal Dictionary<string, ServerKey> Valid(IReadOnlyCollection<string> keyIds, long validAt, KeyUse use)
    {
        var found = new Dictionary<string, ServerKey>(StringComparer.Ordinal);
        foreach (var id in keyIds)
        {
            if (ById.TryGetValue(id, out var key) && key.IsValid(validAt, use)) found[id] = key;
        }

        return found;
    }

    /// <summary>
    /// The keys after a response. A key that the response lacks ends now; it still verifies older events. Of such keys,
    /// those that ended last are kept.
    /// </summary>
    internal KnownKeys After(KeyResponse response, long now, int most)
    {
        var keys = new Dictionary<string, ServerKey>(StringComparer.Ordinal);
        foreach (var key in response.VerifyKeys)
        {
            keys[key.KeyId] = new ServerKey(
                response.ServerName, key.KeyId, key.PublicKey, response.ValidUntil(now), ExpiredAt: null);
        }

        foreach (var key in response.OldVerifyKeys)
        {
            // An end in the future counts as now.
            var end = Math.Min(key.ExpiredAt!.Value, now);
            keys[key.KeyId] = new ServerKey(response.ServerName, key.KeyId, key.PublicKey, end, end);
        }

        var gone = ById.Values.Where(key => !keys.ContainsKey(key.KeyId))
            .Select(key => key with { ValidUntil = Math.Min(key.ValidUntil, now - 1) })
            .OrderByDescending(key => key.ExpiredAt ?? key.ValidUntil)
            .Take(Math.Max(0, most - keys.Count));
        foreach (var key in gone) keys[key.KeyId] = key;
        return new KnownKeys(keys, now, IsStored: false);
    }

    /// <summary>
    /// The keys after a response that a notary had, which may be older than what is known. It adds keys, and prolongs
    /// those in use. It ends none, and a key that has ended, or has other bytes, stays as it is. While the server's own
    /// response holds, a key that it lacks verifies only what is older than that response.
    /// </summary>
    internal KnownKeys AfterNotary(KeyResponse response, long now, int most)
    {
        var keys = new Dictionary<string, ServerKey>(ById, StringComparer.Ordinal);
        var isNewer = response.ValidUntil(now) > LastValidity;
        var until = FetchedAt > 0 && LastValidity >= now
            ? Math.Min(response.ValidUntil(now), FetchedAt - 1)
            : response.ValidUntil(now);
        foreach (var key in response.VerifyKeys)
        {
            Add(new ServerKey(response.ServerName, key.KeyId, key.PublicKey, until, null));
        }

        foreach (var key in response.OldVerifyKeys)
        {
            var end = Math.Min(key.ExpiredAt!.Value, now);
            Add(new ServerKey(response.ServerName, key.KeyId, key.PublicKey, end, end));
        }

        return new KnownKeys(keys, FetchedAt, IsStored: false);

        void Add(ServerKey key)
        {
            if (!keys.TryGetValue(key.KeyId, out var known))
            {
                if (keys.Count < most) keys[key.KeyId] = key;
            }
            else if (isNewer && key.ValidUntil > known.ValidUntil && known.ValidUntil >= FetchedAt
                && known.ExpiredAt is null && known.PublicKey.Span.SequenceEqual(key.PublicKey.Span))
            {
                keys[key.KeyId] = key;
            }
        }
    }

    /// <summary>The latest end of the validity of a key in use.</summary>
    private long LastValidity => ById.Values.Where(static key => key.ExpiredAt is null)
        .Select(static key => key.ValidUntil).DefaultIfEmpty(long.MinValue).Max();
}
