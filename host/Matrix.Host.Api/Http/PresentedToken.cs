using Matrix.Host.Users.Sessions;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Finds a request's access token: in the header, or in the query, which is deprecated but must be supported.
/// </summary>
internal static class PresentedToken
{
    private const string Parameter = "access_token";

    internal static BearerToken? Of(HttpContext http, string target)
    {
        var header = http.Request.Headers.Authorization;
        if (header.Count > 0
            && header[0] is { } value
            && ClientConnection.Of(http).TryToken(value, out var inHeader))
        {
            return inHeader;
        }

        var query = RequestPath.QueryOf(target);
        if (!query.Contains(Parameter, StringComparison.Ordinal)) return null;
        return new QueryReader(query).Text(Parameter) is { Length: > 0 } inQuery ? new BearerToken(inQuery) : null;
    }
}
