using System.Net;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>Finds the address that a request came from.</summary>
internal static class ClientAddress
{
    /// <summary>
    /// What a node says that forwarded the request; otherwise the connection's peer. If the configuration trusts the
    /// proxy, the last address of `X-Forwarded-For`: the proxy added that one, and clients can invent those before it.
    /// </summary>
    internal static string Of(HttpContext http, bool trustForwardedFor)
    {
        if (http.Features.Get<AcceptedBy>()?.ForwardedFor is { } client) return client;
        if (trustForwardedFor && http.Request.Headers["X-Forwarded-For"] is { Count: > 0 } forwarded)
        {
            var last = forwarded[^1].AsSpan();
            last = last[(last.LastIndexOf(',') + 1)..].Trim();
            if (IPAddress.TryParse(last, out var named)) return named.ToString();
        }

        return ClientConnection.Of(http).Address;
    }
}
