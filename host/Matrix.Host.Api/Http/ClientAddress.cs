using System.Net;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Api.Http;

/// <summary>Finds the address that a request came from.</summary>
internal static class ClientAddress
{
    private static readonly object _item = new();

    /// <summary>
    /// The connection's peer. If the configuration trusts the proxy, the last address of `X-Forwarded-For`: the proxy
    /// added that one, and clients can invent those before it.
    /// </summary>
    internal static string Of(HttpContext http, bool trustForwardedFor)
    {
        if (trustForwardedFor && http.Request.Headers["X-Forwarded-For"] is { Count: > 0 } forwarded)
        {
            var last = forwarded[^1].AsSpan();
            last = last[(last.LastIndexOf(',') + 1)..].Trim();
            if (IPAddress.TryParse(last, out var named)) return named.ToString();
        }

        // Formatted once for each connection.
        if (http.Features.Get<IConnectionItemsFeature>() is not { } connection) return Peer(http);
        if (connection.Items.TryGetValue(_item, out var known)) return (string)known!;
        var peer = Peer(http);
        connection.Items[_item] = peer;
        return peer;
    }

    private static string Peer(HttpContext http) => http.Connection.RemoteIpAddress?.ToString() ?? "unknown";
}
