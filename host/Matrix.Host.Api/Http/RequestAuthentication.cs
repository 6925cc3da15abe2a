using System.Net;
using Matrix.Core.Facade;
using Matrix.Core.Federation;
using Matrix.Core.Json;
using Matrix.Host.Network.Keys;
using Matrix.Host.Sodium;
using Microsoft.Extensions.Primitives;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Authenticates requests of other servers by their `X-Matrix` headers. Server-Server API, "Request Authentication".
/// </summary>
public sealed class RequestAuthentication(
    IServerKeys keys, ServerFilter filter, FederationOptions options, TimeProvider clock)
{
    private static readonly Answer _unsigned = Answer.Unauthorized("This endpoint requires an X-Matrix signature.");
    private static readonly Answer _twoOrigins = Answer.Unauthorized("The X-Matrix headers have different origins.");
    private static readonly Answer _own = Answer.Unauthorized("The origin of the request is this server.");
    private static readonly Answer _wrongSignature = Answer.Unauthorized("No signature of the request is valid.");

    /// <summary>
    /// The credentials that a request presents, all of one origin, or the error. Nothing is verified or fetched yet: a
    /// server that the configuration excludes is refused before its keys are fetched.
    /// </summary>
    internal (IReadOnlyList<RequestAuth> Credentials, Answer? Refusal) Read(StringValues authorization)
    {
        var found = new List<RequestAuth>();
        var malformed = _unsigned;
        foreach (var header in authorization)
        {
            // A peer with several keys may send a header for each.
            if (found.Count == options.MaxSignatures) break;
            if (RequestAuth.TryParse(header ?? "", out var credentials, out var error)) found.Add(credentials);
            else malformed = Answer.Unauthorized($"The Authorization header cannot be read: {error}.");
        }

        if (found.Count == 0) return ([], malformed);

        var origin = found[0].Origin;
        if (found.Exists(credentials => credentials.Origin != origin)) return ([], _twoOrigins);
        if (origin == options.ServerName) return ([], _own);
        if (found.Exists(credentials => (credentials.Destination ?? options.ServerName) != options.ServerName))
        {
            return ([], Answer.Unauthorized($"The destination of the request is not {options.ServerName}."));
        }

        return filter.Allows(origin)
            ? (found, null)
            : ([], Answer.Forbidden("This server does not federate with yours."));
    }

    /// <summary>The server that made one of the signatures, or the error.</summary>
    /// <param name="uri">The path and query as sent.</param>
    /// <param name="body">Null for methods without one.</param>
    /// <param name="address">The sender's address: it causes the fetch of keys that are not known.</param>
    internal async ValueTask<(Peer? Peer, Answer? Refusal)> VerifyAsync(
        IReadOnlyList<RequestAuth> credentials,
        string method,
        string uri,
        JsonObject? body,
        string address,
        CancellationToken stop)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var origin = credentials[0].Origin;
        string[] ids = [.. credentials.Select(each => each.KeyId).Distinct()];
        var askedBy = IPAddress.TryParse(address, out var known) ? known : IPAddress.None;
        var found = await keys.FindAsync(origin, ids, now, KeyUse.Request, askedBy, stop).ConfigureAwait(false);
        byte[]? signed = null;
        foreach (var each in credentials)
        {
            if (!found.TryGetValue(each.KeyId, out var key) || !key.IsValid(now, KeyUse.Request)) continue;

            // Older servers leave the destination out of the header, and sign it nevertheless.
            signed ??= RequestAuth.BytesToSign(
                method, uri, origin, options.ServerName, body is null ? [] : JsonText.Write(body));
            if (Ed25519.Verify(key.PublicKey.Span, signed, each.Signature)) return (new Peer(origin), null);
        }

        return (null, _wrongSignature);
    }
}
