using System.Net;
using Matrix.Core.Federation;
using Matrix.Host.Network.Keys;
using Microsoft.Extensions.Primitives;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Authenticates requests of other servers by their `X-Matrix` headers. v1.19 server-server-api#authentication,
/// v1.19 server-server-api#request-authentication
/// </summary>
public sealed class RequestAuthentication(
    IServerKeys keys, ServerFilter filter, FederationOptions options, TimeProvider clock)
{
    private static readonly Answer _unsigned = Answer.Unauthorized("This endpoint requires an X-Matrix signature.");
    private static readonly Answer _twoOrigins = Answer.Unauthorized("The X-Matrix headers have different origins.");
    private static readonly Answer _own = Answer.Unauthorized("The origin of the request is this server.");

    private static readonly Answer _noKeys = Answer.Unauthorized(
        "The keys of the signatures are not known here: the origin has not got them, or it was not reached.");

    /// <summary>The error for a request without a valid signature.</summary>
    internal static Answer WrongSignature { get; } = Answer.Unauthorized("No signature of the request is valid.");

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

    /// <summary>
    /// The request with the keys that can verify it, or the error. It is called before the body is read: no body is
    /// read for a server whose keys cannot be had.
    /// </summary>
    /// <param name="uri">The path and query as sent.</param>
    /// <param name="address">The sender's address: it causes the fetch of keys that are not known.</param>
    internal async ValueTask<(SignedRequest? Signed, Answer? Refusal)> FindKeysAsync(
        IReadOnlyList<RequestAuth> credentials, string method, string uri, string address, CancellationToken stop)
    {
        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        var origin = credentials[0].Origin;
        string[] ids = [.. credentials.Select(each => each.KeyId).Distinct()];
        var askedBy = IPAddress.TryParse(address, out var known) ? known : IPAddress.None;
        var found = await keys.FindAsync(origin, ids, now, KeyUse.Request, askedBy, stop);
        var usable = found.Where(key => key.Value.IsValid(now, KeyUse.Request)).ToDictionary();
        return usable.Count > 0
            ? (new SignedRequest(credentials, usable, options.ServerName, method, uri), null)
            : (null, _noKeys);
    }
}
