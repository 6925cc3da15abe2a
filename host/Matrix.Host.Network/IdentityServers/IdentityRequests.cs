using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Crypto;
using Matrix.Host.Network.Discovery.Dns;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Network.Urls;

namespace Matrix.Host.Network.IdentityServers;

/// <summary>
/// Sends requests to identity servers that users name. Only those of the configuration are asked, over TLS, at
/// addresses that the policy allows; redirects are not followed.
/// </summary>
public sealed class IdentityRequests : IDisposable
{
    private const string Root = "/_matrix/identity/v2";

    private readonly IdentityServerOptions _options;
    private readonly NetworkOptions _network;
    private readonly SafeHttpSender _http;
    private readonly IDnsResolver _resolver;
    private readonly SigningKeyRing _keys;
    private readonly ServerFilter _servers;

    /// <summary>Creates a client with its own connections.</summary>
    public IdentityRequests(
        IdentityServerOptions options,
        NetworkOptions network,
        CertificateTrust trust,
        IDnsResolver resolver,
        SigningKeyRing keys,
        TimeProvider time)
    {
        _options = options;
        _network = network with { AllowNetworks = options.AllowNetworks };
        _http = new SafeHttpSender(_network, new AddressPolicy(_network), trust, time, "identity_server");
        _resolver = resolver;
        _keys = keys;
        _servers = new ServerFilter(options.Allowed, []);
    }

    /// <summary>Whether users may name an identity server.</summary>
    public bool Trusts(string server) => _options.Allowed.Count > 0 && IsName(server) && _servers.Allows(server);

    /// <summary>Whether any identity server may be named.</summary>
    public bool TrustsAny => _options.Allowed.Count > 0;

    /// <summary>Sends a request, with an access token of the user or signed by this server.</summary>
    /// <param name="server">Its name, with a port if it needs one.</param>
    /// <param name="path">Below `/_matrix/identity/v2`, beginning with a slash.</param>
    /// <param name="body">The body; null for a GET.</param>
    /// <param name="accessToken">The user's token at the identity server; null for this server's signature.</param>
    /// <exception cref="OperationCanceledException">The caller stopped it.</exception>
    internal async ValueTask<IdentityResult<JsonObject>> SendAsync(
        string server, string path, JsonObject? body, string? accessToken, CancellationToken stop)
    {
        if (!Trusts(server))
        {
            return new IdentityFailure(0, null, "This server does not trust the identity server.")
            {
                IsUntrusted = true,
            };
        }

        var url = new Uri($"https://{server}{Root}{path}");
        var (target, failure) = await UrlTargets.FindAsync(url, null, _resolver, _network, stop);
        if (target is null) return Unreachable(failure);
        var bytes = body is null ? default(ReadOnlyMemory<byte>?) : JsonText.Write(body);
        var call = new HttpCall(target, body is null ? "GET" : "POST", url.PathAndQuery)
        {
            Authorization = accessToken is null ? Sign(server, url.PathAndQuery, bytes) : $"Bearer {accessToken}",
            Body = bytes,
            MaxBytes = _options.MaxResponseBytes,
            Time = _options.RequestTime,
        };
        var outcome = await _http.SendAsync(call, stop);
        if (outcome.Reply is not { } reply) return Unreachable(outcome.Failure!.Message);
        var isJson = JsonText.TryParseObject(
            reply.Body, Reading.Lenient, JsonText.FederationBodyLimits, out var json, out _);
        if (reply.Status is >= 200 and < 300)
        {
            return isJson ? json : new IdentityFailure(0, null, "The identity server's response is not JSON.");
        }

        return new IdentityFailure(
            reply.Status,
            isJson ? json.Text("errcode") : null,
            isJson && json.Text("error") is { } message ? message : $"The identity server answered {reply.Status}.");
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private static bool IsName(string server) =>
        Core.Ident.ServerName.IsValid(server) && Uri.TryCreate($"https://{server}/", UriKind.Absolute, out var url)
        && url.UserInfo.Length == 0;

    private static IdentityFailure Unreachable(string why) =>
        new(0, null, $"The identity server cannot be reached: {why}.");

    /// <summary>The signature of a request. v1.19 identity-service-api#post_matrixidentityv23pidunbind</summary>
    private string Sign(string server, string target, ReadOnlyMemory<byte>? body)
    {
        var key = _keys.InUse;
        var bytes = RequestAuth.BytesToSign(
            body is null ? "GET" : "POST", target, _network.ServerName, server, (body ?? default).Span);
        Span<byte> signature = stackalloc byte[Ed25519.SignatureSize];
        key.Key.Sign(bytes, signature);
        return RequestAuth.Print(_network.ServerName, server, key.Id, signature);
    }
}
