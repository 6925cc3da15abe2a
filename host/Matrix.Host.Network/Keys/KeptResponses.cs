using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Host.Storage.Tables.ServerKeys;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// The responses with a server's keys that are kept to be passed on: the latest, and earlier ones with keys that later
/// ones lack. Old events need those.
/// </summary>
internal static class KeptResponses
{
    /// <summary>The responses that are kept after a further one.</summary>
    /// <remarks>
    /// What a notary returned may be older than all that is known, and is kept after it. So it never displaces what the
    /// server itself returned.
    /// </remarks>
    internal static IReadOnlyList<ServerKeyResponse> After(
        IReadOnlyList<ServerKeyResponse> kept,
        ServerKeyResponse response,
        bool isOwn,
        string server,
        NetworkOptions options)
    {
        var all = isOwn ? kept.Prepend(response) : kept.Append(response);
        var keyIds = new HashSet<string>(StringComparer.Ordinal);
        return [.. all
            .Where((each, n) => AddKeys(each) || n == 0)
            .Take(1 + options.MaxEarlierKeyResponses)];

        bool AddKeys(ServerKeyResponse each)
        {
            var before = keyIds.Count;
            keyIds.UnionWith(KeyIdsOf(each, server, options));
            return keyIds.Count > before;
        }
    }

    /// <summary>
    /// The responses to a query for these keys: the latest, and earlier ones with keys that those before lack. Without
    /// ids all are returned.
    /// </summary>
    internal static IReadOnlyList<ServerKeyResponse> With(
        IReadOnlyList<ServerKeyResponse> kept,
        IReadOnlyCollection<string> keyIds,
        string server,
        NetworkOptions options)
    {
        if (keyIds.Count == 0) return kept;
        var missing = new HashSet<string>(keyIds, StringComparer.Ordinal);
        return [.. kept.Where((each, n) => RemoveKeys(each) || n == 0)];

        bool RemoveKeys(ServerKeyResponse each)
        {
            var before = missing.Count;
            if (before > 0) missing.ExceptWith(KeyIdsOf(each, server, options));
            return missing.Count < before;
        }
    }

    /// <summary>Whether the responses have all these keys.</summary>
    internal static bool HaveAll(
        IReadOnlyList<ServerKeyResponse> kept,
        IReadOnlyCollection<string> keyIds,
        string server,
        NetworkOptions options)
    {
        if (keyIds.Count == 0) return true;
        var known = kept.SelectMany(each => KeyIdsOf(each, server, options)).ToHashSet(StringComparer.Ordinal);
        return keyIds.All(known.Contains);
    }

    private static IEnumerable<string> KeyIdsOf(ServerKeyResponse response, string server, NetworkOptions options) =>
        JsonText.TryParseStored(response.Json.Span, out var json)
        && KeyResponse.TryRead(json, server, options.MaxKeysPerServer, out var keys, out _)
            ? keys.VerifyKeys.Concat(keys.OldVerifyKeys).Select(static key => key.KeyId)
            : [];
}
