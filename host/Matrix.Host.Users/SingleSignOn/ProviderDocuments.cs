using System.Text;
using Matrix.Core.Json;
using Matrix.Host.Network.Urls;
using Microsoft.IdentityModel.Tokens;

namespace Matrix.Host.Users.SingleSignOn;

/// <summary>What a provider says about itself. OpenID Connect Discovery 1.0, "OpenID Provider Metadata".</summary>
internal sealed record ProviderMetadata(Uri Authorization, Uri Token, Uri Keys, Uri? UserInfo)
{
    /// <summary>
    /// Whether this server's secret goes into the body of a request, because the header is not known.
    /// </summary>
    internal bool SecretInBody { get; private init; }

    /// <summary>Whether its responses name the issuer (RFC 9207).</summary>
    internal bool NamesIssuer { get; private init; }

    /// <summary>Reads the metadata of an issuer.</summary>
    /// <exception cref="ProviderException">It is not that issuer's, or incomplete.</exception>
    internal static ProviderMetadata Read(JsonObject json, string issuer)
    {
        if (json.Text("issuer") != issuer)
        {
            throw new ProviderException($"the metadata is that of {json.Text("issuer")}, not of {issuer}");
        }

        var methods = json.IndexOf("token_endpoint_auth_methods_supported") is >= 0 and var at
            && json.Value(at) is Json.Array { Item: var listed }
            ? listed.OfType<Json.String>().Select(static method => method.Item).ToArray()
            : [];
        return new ProviderMetadata(
            UrlOf("authorization_endpoint")!, UrlOf("token_endpoint")!, UrlOf("jwks_uri")!,
            UrlOf("userinfo_endpoint", isRequired: false))
        {
            SecretInBody = methods.Contains("client_secret_post") && !methods.Contains("client_secret_basic"),
            NamesIssuer = json.IndexOf("authorization_response_iss_parameter_supported") is >= 0 and var names
                && json.Value(names) is Json.Bool { Item: true },
        };

        Uri? UrlOf(string name, bool isRequired = true)
        {
            if (!isRequired && !json.Has(name)) return null;
            return Uri.TryCreate(json.Text(name), UriKind.Absolute, out var url)
                && (url.Scheme == Uri.UriSchemeHttps || UrlSender.IsPlainLoopback(url))
                ? url
                : throw new ProviderException($"the metadata of {issuer} has no valid {name}");
        }
    }
}

/// <summary>
/// The metadata and keys of providers, each for a time. They are read again for an unknown key, but not often: a
/// stranger's token must not make this server ask.
/// </summary>
public sealed class ProviderDocuments(ProviderHttp http, SsoOptions options, TimeProvider clock) : IDisposable
{
    private readonly Dictionary<string, Document<ProviderMetadata>> _metadata = options.Providers.ToDictionary(
        static provider => provider.Id, _ => new Document<ProviderMetadata>(options, clock), StringComparer.Ordinal);

    private readonly Dictionary<string, Document<SecurityKey[]>> _keys = options.Providers.ToDictionary(
        static provider => provider.Id, _ => new Document<SecurityKey[]>(options, clock), StringComparer.Ordinal);

    /// <summary>The metadata of a provider.</summary>
    /// <exception cref="ProviderException">There is none.</exception>
    internal ValueTask<ProviderMetadata> MetadataAsync(SsoProvider provider, CancellationToken stop) =>
        _metadata[provider.Id].GetAsync(
            static _ => true,
            async stop =>
            {
                var url = new Uri(provider.Issuer.TrimEnd('/') + "/.well-known/openid-configuration");
                return ProviderMetadata.Read((await http.GetAsync(url, null, stop)).Json,
                    provider.Issuer);
            },
            stop);

    /// <summary>The origin of a provider's sign-in page.</summary>
    /// <exception cref="ProviderException">The provider does not say.</exception>
    public async ValueTask<string> OriginAsync(SsoProvider provider, CancellationToken stop) =>
        (await MetadataAsync(provider, stop)).Authorization.GetLeftPart(UriPartial.Authority);

    /// <summary>The keys of a provider, read again if none has that id.</summary>
    /// <param name="provider">The provider.</param>
    /// <param name="keyId">The id of a token's key; empty for none.</param>
    /// <exception cref="ProviderException">There are none.</exception>
    internal async ValueTask<SecurityKey[]> KeysAsync(SsoProvider provider, string keyId, CancellationToken stop)
    {
        var metadata = await MetadataAsync(provider, stop);
        return await _keys[provider.Id].GetAsync(
            keys => keyId.Length == 0 || Array.Exists(keys, key => key.KeyId == keyId),
            async stop => KeysOf((await http.GetAsync(metadata.Keys, null, stop)).Text),
            stop);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var document in _metadata.Values) document.Dispose();
        foreach (var document in _keys.Values) document.Dispose();
    }

    private SecurityKey[] KeysOf(byte[] json)
    {
        try
        {
            return [.. new JsonWebKeySet(Encoding.UTF8.GetString(json)).GetSigningKeys()
                .Where(static key => key is AsymmetricSecurityKey
                    || key is JsonWebKey
                    {
                        Kty: JsonWebAlgorithmsKeyTypes.RSA or JsonWebAlgorithmsKeyTypes.EllipticCurve,
                    })
                .Take(options.Keys)];
        }
        catch (Exception fault) when (fault is ArgumentException or InvalidOperationException)
        {
            throw new ProviderException($"the provider's keys cannot be read: {fault.Message}");
        }
    }

    /// <summary>A document that is read when it is needed, by one caller at a time.</summary>
    private sealed class Document<T>(SsoOptions options, TimeProvider clock) : IDisposable
        where T : class
    {
        private readonly SemaphoreSlim _turn = new(1, 1);
        private T? _value;
        private string _failure = "it was not read yet";
        private DateTimeOffset _readAt = DateTimeOffset.MinValue;
        private DateTimeOffset _triedAt = DateTimeOffset.MinValue;

        internal async ValueTask<T> GetAsync(
            Func<T, bool> isEnough, Func<CancellationToken, ValueTask<T>> read, CancellationToken stop)
        {
            await _turn.WaitAsync(stop);
            try
            {
                var now = clock.GetUtcNow();
                var isFresh = _value is not null && now - _readAt < options.MetadataKept && isEnough(_value);
                if (!isFresh && now - _triedAt >= options.ReadPause)
                {
                    await ReadAsync(read, now, stop);
                }

                return _value ?? throw new ProviderException(_failure);
            }
            finally
            {
                _turn.Release();
            }
        }

        public void Dispose() => _turn.Dispose();

        // What was read before goes on to be used while the provider does not answer.
        private async ValueTask ReadAsync(
            Func<CancellationToken, ValueTask<T>> read, DateTimeOffset now, CancellationToken stop)
        {
            try
            {
                _value = await read(stop);
                (_readAt, _triedAt) = (now, now);
            }
            catch (ProviderException fault)
            {
                (_failure, _triedAt) = (fault.Message, now);
            }
        }
    }
}
