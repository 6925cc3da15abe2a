using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Sodium;

namespace Matrix.Host.Network.Keys;

/// <summary>
/// This server's published keys: the signed response to `GET /_matrix/key/v2/server`, made again when half of its
/// validity is over. Server-Server API, "Publishing Keys".
/// </summary>
public sealed class OwnKeys
{
    private readonly SigningKey _key;
    private readonly NetworkOptions _options;
    private readonly TimeProvider _time;
    private readonly PublishedKey[] _inUse;
    private readonly IReadOnlyList<PublishedKey> _former;
    private volatile Published? _published;

    /// <summary>Publishes the key in use and former keys.</summary>
    public OwnKeys(SigningKey key, IReadOnlyList<PublishedKey> former, NetworkOptions options, TimeProvider time)
    {
        _key = key;
        _former = former;
        _options = options;
        _time = time;
        _inUse = [new PublishedKey(key.Id, key.Key.PublicKey.ToArray(), null)];
    }

    /// <summary>The response, as canonical JSON.</summary>
    public ReadOnlyMemory<byte> Response
    {
        get
        {
            var now = _time.GetUtcNow();
            if (_published is { } published && now < published.MadeAgainAt) return published.Json;

            var validUntil = (now + _options.OwnKeyValidity).ToUnixTimeMilliseconds();
            var composed = KeyResponse.Compose(_options.ServerName, validUntil, _inUse, _former);
            var json = JsonText.Write(Sign(composed));
            _published = new Published(json, now + (_options.OwnKeyValidity / 2));
            return json;
        }
    }

    /// <summary>An object, such as another server's key response, with this server's signature.</summary>
    public JsonObject Sign(JsonObject json) => KeyResponse.WithSignature(
        json, _options.ServerName, _key.Id, _key.Key.Sign(KeyResponse.BytesToSign(json)));

    /// <summary>The keys as another server would know them.</summary>
    internal KnownKeys Known(long now) => new(
        _inUse.Concat(_former).ToDictionary(
            key => key.KeyId,
            key => new ServerKey(
                _options.ServerName, key.KeyId, key.PublicKey, now + KeyResponse.LongestValidity, key.ExpiredAt),
            StringComparer.Ordinal),
        now,
        IsStored: true);

    private sealed record Published(byte[] Json, DateTimeOffset MadeAgainAt);
}
