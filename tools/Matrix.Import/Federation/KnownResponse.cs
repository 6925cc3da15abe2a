using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Storage.Tables.ServerKeys;
using Matrix.Import.Sources;

namespace Matrix.Import.Federation;

/// <summary>A response with a server's keys, as Synapse stored it.</summary>
/// <param name="Keys">The server's keys in it, those in use first.</param>
/// <param name="Json">The response.</param>
internal sealed record KnownResponse(IReadOnlyList<ServerKeyRow> Keys, byte[] Json)
{
    /// <summary>A key counts for a week at most after it was fetched, whatever its server says.</summary>
    private static readonly long _longestValidity = (long)TimeSpan.FromDays(7).TotalMilliseconds;

    /// <summary>Until when a key is valid.</summary>
    public static long ValidUntil(long stated, long fetchedAt) => Math.Min(stated, fetchedAt + _longestValidity);

    /// <summary>Reads a response; null if it is none of the server's.</summary>
    public static KnownResponse? Read(string server, byte[] json, long fetchedAt)
    {
        if (!StoredJson.TryRead(json, out var response) || StoredJson.TextOf(response, "server_name") != server)
        {
            return null;
        }

        var until = ValidUntil(NumberOf(response, "valid_until_ts") ?? 0, fetchedAt);
        List<ServerKeyRow> keys = [.. KeysIn("verify_keys", _ => (until, null))];
        var inUse = keys.Select(static key => key.KeyId).ToHashSet(StringComparer.Ordinal);
        keys.AddRange(KeysIn("old_verify_keys", EndOf).Where(key => !inUse.Contains(key.KeyId)));
        return keys.Count == 0 ? null : new KnownResponse(keys, json);

        IEnumerable<ServerKeyRow> KeysIn(string member, Func<JsonObject, (long Until, long? Expired)> times)
        {
            if (StoredJson.ObjectOf(response, member) is not { } named) yield break;
            for (var at = 0; at < named.Count; at++)
            {
                if (named.Value(at) is not Core.Json.Json.Object { Item: var key }
                    || StoredJson.TextOf(key, "key") is not { } text
                    || !Base64Text.TryDecode(text, out var publicKey)
                    || publicKey.Length != Ed25519.PublicKeySize)
                {
                    continue;
                }

                var (validUntil, expired) = times(key);
                yield return new ServerKeyRow(named.Key(at), publicKey, validUntil, expired, fetchedAt);
            }
        }
    }

    /// <summary>A former key without an end was never valid.</summary>
    private static (long Until, long? Expired) EndOf(JsonObject key)
    {
        var end = NumberOf(key, "expired_ts") ?? 0;
        return (end, end);
    }

    private static long? NumberOf(JsonObject json, string name) =>
        json.IndexOf(name) is >= 0 and var at && json.Value(at) is Core.Json.Json.Int number ? number.Item : null;
}
