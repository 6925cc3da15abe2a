using System.Net;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>What browsers say of their requests.</summary>
internal static class BrowserRequest
{
    /// <summary>What browsers accept first when a person opens an address; other programs say less, or `*/*`.</summary>
    private const string Documents = "text/html,application/xhtml+xml";

    /// <summary>Whether a person opens an address, or a form leads to it. Scripts of web apps fetch.</summary>
    internal static bool IsNavigation(HttpRequest request) => request.Headers["Sec-Fetch-Mode"] is [{ } mode]
        ? mode == "navigate"

        // Browsers say that only where nobody listens on the way.
        : request.Headers.Accept is [{ } accepted] && accepted.StartsWith(Documents, StringComparison.Ordinal);

    /// <summary>Whether the browser is on this machine, as far as the request says.</summary>
    internal static bool IsLocal(HttpRequest request) =>
        request.Headers["X-Forwarded-For"].Count == 0
        && request.Headers["Forwarded"].Count == 0
        && IsLoopback(request.Host.Host);

    private static bool IsLoopback(string host) =>
        string.Equals(host, "localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
