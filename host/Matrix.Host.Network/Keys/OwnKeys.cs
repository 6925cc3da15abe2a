using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Crypto;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// This server's published keys: the signed response to `GET /_matrix/key/v2/server`. It is made again when the keys
/// change, or half of its validity is over. v1.19 server-server-api#publishing-keys
/// </summary>
public sealed class OwnKeys(SigningKeyRing keys, NetworkOptions options, TimeProvider time)
{
    private volatile Published? _published;

    /// <summary>The response, as canonical JSON.</summary>
    public ReadOnlyMemory<byte> Response
    {
        get
        {
            var now = time.GetUtcNow();
            var current = keys.Keys;
            if (_published is { } published && published.Keys == current && now < published.MadeAgainAt)
            {
                return published.Json;
            }

            var validUntil = (now + options.OwnKeyValidity).ToUnixTimeMilliseconds();
            var inUse = new PublishedKey(current.InUse.Id, current.InUse.Key.PublicKey.ToArray(), null);
            var composed = KeyResponse.Compose(
                options.ServerName, validUntil, [inUse], [.. FormerOf(current, now.ToUnixTimeMilliseconds())]);
            var json = JsonText.Write(Sign(composed, current.InUse));
            _published = new Published(json, current, now + (options.OwnKeyValidity / 2));
            return json;
        }
    }

    /// <summary>An object, such as another server's key response, with this server's signature.</summary>
    public JsonObject Sign(JsonObject json) => Sign(json, keys.InUse);

    /// <summary>The keys as another server would know them.</summary>
    internal KnownKeys Known(long now)
    {
        var current = keys.Keys;
        var inUse = new PublishedKey(current.InUse.Id, current.InUse.Key.PublicKey.ToArray(), null);
        return new KnownKeys(
            FormerOf(current, now).Append(inUse).ToDictionary(
                key => key.KeyId,
                key => new ServerKey(
                    options.ServerName, key.KeyId, key.PublicKey, now + KeyResponse.LongestValidity, key.ExpiredAt),
                StringComparer.Ordinal),
            now,
            IsStored: true);
    }

    private JsonObject Sign(JsonObject json, SigningKey key) => KeyResponse.WithSignature(
        json, options.ServerName, key.Id, key.Key.Sign(KeyResponse.BytesToSign(json)));

    private static IEnumerable<PublishedKey> FormerOf(SigningKeys keys, long now) => keys.Former.Select(
        former => new PublishedKey(former.Id, former.PublicKey.ToArray(), former.ExpiredAt ?? now));

    private sealed record Published(byte[] Json, SigningKeys Keys, DateTimeOffset MadeAgainAt);
}
