using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>
/// Finds a request's access token: in the header, or in the query, which is deprecated but must be supported.
/// </summary>
internal static class PresentedToken
{
    private const string Scheme = "Bearer ";
    private const string Parameter = "access_token";

    internal static string? Of(HttpRequest request, string target)
    {
        var header = request.Headers.Authorization;
        if (header.Count > 0 && header[0] is { } value && value.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            var token = value.AsSpan(Scheme.Length).Trim(' ');
            return token.IsEmpty ? null : token.ToString();
        }

        var query = RequestPath.QueryOf(target);
        if (!query.Contains(Parameter, StringComparison.Ordinal)) return null;
        return new QueryReader(query).Text(Parameter) is { Length: > 0 } inQuery ? inQuery : null;
    }
}
