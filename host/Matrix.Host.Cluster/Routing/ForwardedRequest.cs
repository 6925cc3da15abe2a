using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Matrix.Host.Cluster.Routing;

/// <summary>What a node that forwards a request says of it.</summary>
/// <param name="Listener">The listener that accepted it there.</param>
/// <param name="Address">The client's address.</param>
/// <param name="Scheme">`http` or `https`, as the client asked.</param>
/// <param name="Host">The host that the client asked; empty if it named none.</param>
/// <param name="Position">How far that node has read the flushes.</param>
public sealed record ForwardedRequest(string Listener, string Address, string Scheme, string Host, long Position)
{
    internal const string ListenerHeader = "X-Matrix-Node-Listener";
    internal const string AddressHeader = "X-Matrix-Node-Address";
    internal const string SchemeHeader = "X-Matrix-Node-Scheme";
    internal const string HostHeader = "X-Matrix-Node-Host";
    internal const string PositionHeader = "X-Matrix-Node-Position";

    /// <summary>Reads it from the headers of a request that a node sent; null if one is missing.</summary>
    public static ForwardedRequest? Of(HttpRequest request)
    {
        var headers = request.Headers;
        return headers[ListenerHeader] is [{ } listener] && headers[AddressHeader] is [{ } address]
            && headers[SchemeHeader] is [{ } scheme] && PositionIn(headers[PositionHeader]) is { } position
                ? new ForwardedRequest(listener, address, scheme, headers[HostHeader].ToString(), position)
                : null;
    }

    /// <summary>The position that a header says; null if it says none.</summary>
    internal static long? PositionIn(string? header) =>
        long.TryParse(header, NumberStyles.None, CultureInfo.InvariantCulture, out var position) ? position : null;
}
