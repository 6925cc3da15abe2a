using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>Whether a form comes from a page of this server, as far as the browser says.</summary>
internal static class SameOrigin
{
    /// <summary>
    /// False if the browser says that another origin sends the request. Programs that are not browsers say nothing;
    /// forms have a token as well.
    /// </summary>
    internal static bool Allows(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"] is [{ } site]) return site is "same-origin" or "none";
        if (request.Headers.Origin is not [{ } origin]) return true;
        return Uri.TryCreate(origin, UriKind.Absolute, out var from)
            && string.Equals(from.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase);
    }
}
